//! Sorted pages of a listing.
//!
//! A cursor names the last entry of the page before by its sort key, not by its number: entries that come and go
//! between two pages are neither shown twice nor skipped.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway_internal::files::{ItemInfo, ItemKind, PageRequest, SortKey};
use causeway_internal::listing::ListingHead;
use causeway_internal::{Fault, FaultCode};
use serde::{Deserialize, Serialize};

/// Where an entry stands in the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    is_file: bool,
    number: u64,
    folded: String,
    name: String,
}

impl Position {
    fn of(item: &ItemInfo, sort: SortKey) -> Self {
        let number = match sort {
            SortKey::Name => 0,
            SortKey::Size => item.size,
            SortKey::Modified => item.modified.to_raw(),
        };
        Self {
            is_file: item.kind == ItemKind::File,
            number,
            folded: item.name.to_lowercase(),
            name: item.name.clone(),
        }
    }

    fn cmp(&self, other: &Self, descending: bool) -> Ordering {
        let by_key = (self.number, &self.folded, &self.name).cmp(&(other.number, &other.folded, &other.name));
        self.is_file.cmp(&other.is_file).then(if descending { by_key.reverse() } else { by_key })
    }
}

/// Sorts `items` and cuts the requested page out of them.
///
/// Faults: `Invalid` for a cursor that this product did not make.
pub(super) fn page(
    items: Vec<ItemInfo>,
    request: &PageRequest,
) -> Result<(ListingHead, Vec<ItemInfo>), Fault> {
    let total = items.len() as u64;
    let after = request.cursor.as_deref().map(decode).transpose()?;
    let mut positioned: Vec<(Position, ItemInfo)> =
        items.into_iter().map(|item| (Position::of(&item, request.sort), item)).collect();
    positioned.sort_unstable_by(|(a, _), (b, _)| a.cmp(b, request.descending));
    let start = after.map_or(0, |after| {
        positioned
            .partition_point(|(position, _)| position.cmp(&after, request.descending) != Ordering::Greater)
    });
    let limit = request.limit.map_or(usize::MAX, |limit| limit as usize);
    let end = start.saturating_add(limit).min(positioned.len());
    let next_cursor = match positioned.get(end.wrapping_sub(1)) {
        Some((last, _)) if end < positioned.len() && end > start => Some(encode(last)?),
        _ => None,
    };
    let items = positioned.drain(start..end).map(|(_, item)| item).collect();
    Ok((ListingHead { total, next_cursor }, items))
}

fn encode(position: &Position) -> Result<String, Fault> {
    let json = serde_json::to_vec(position)
        .map_err(|error| Fault::new(FaultCode::Internal, format!("A cursor could not be made: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

fn decode(cursor: &str) -> Result<Position, Fault> {
    URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or_else(|| Fault::new(FaultCode::Invalid, "The cursor is not one of this listing"))
}

#[cfg(test)]
mod tests {
    use causeway_versions::FileTime;
    use proptest::prelude::*;

    use super::*;

    fn item() -> impl Strategy<Value = ItemInfo> {
        ("[a-cA-C]{1,3}", any::<bool>(), 0..4_u64, 0..4_u64).prop_map(|(name, file, size, modified)| {
            ItemInfo {
                name,
                kind: if file { ItemKind::File } else { ItemKind::Directory },
                size,
                created: FileTime::UNKNOWN,
                modified: FileTime::from_raw(modified),
                changed: FileTime::UNKNOWN,
                attributes: 0,
                file_id: 0,
            }
        })
    }

    proptest! {
        #[test]
        fn pages_put_together_are_the_whole_listing(
            mut items in proptest::collection::vec(item(), 0..40),
            limit in 1..7_u32,
            descending: bool,
            sort in prop_oneof![Just(SortKey::Name), Just(SortKey::Size), Just(SortKey::Modified)],
        ) {
            items.sort_by(|a, b| a.name.cmp(&b.name));
            items.dedup_by(|a, b| a.name == b.name);
            let whole = PageRequest { sort, descending, limit: None, cursor: None };
            let (_, expected) = page(items.clone(), &whole).unwrap();
            let mut seen = Vec::new();
            let mut cursor = None;
            loop {
                let request = PageRequest { sort, descending, limit: Some(limit), cursor };
                let (head, part) = page(items.clone(), &request).unwrap();
                prop_assert!(part.len() <= limit as usize);
                seen.extend(part);
                cursor = head.next_cursor;
                if cursor.is_none() { break; }
            }
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        let request = PageRequest {
            sort: SortKey::Name,
            descending: false,
            limit: None,
            cursor: Some("nonsense".into()),
        };
        assert_eq!(page(Vec::new(), &request).unwrap_err().code, FaultCode::Invalid);
    }
}
