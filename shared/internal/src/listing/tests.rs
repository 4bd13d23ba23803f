use causeway_versions::FileTime;
use proptest::prelude::*;

use super::*;

fn items() -> impl Strategy<Value = Vec<ItemInfo>> {
    let item = (any::<String>(), any::<bool>(), any::<[u64; 5]>(), any::<u32>()).prop_map(
        |(name, is_file, [size, created, modified, changed, file_id], attributes)| ItemInfo {
            name,
            kind: if is_file { ItemKind::File } else { ItemKind::Directory },
            size,
            created: FileTime::from_raw(created),
            modified: FileTime::from_raw(modified),
            changed: FileTime::from_raw(changed),
            attributes,
            file_id,
        },
    );
    prop::collection::vec(item, 0..20)
}

proptest! {
    #[test]
    fn a_listing_arrives_as_it_was_sent_however_it_is_cut(batches in prop::collection::vec(items(), 0..4), cut in 1..64_usize) {
        let head = ListingHead { total: 7, next_cursor: Some("next".to_owned()) };
        let mut body = Vec::new();
        write_head(&head, &mut body).unwrap();
        for batch in &batches {
            write_batch(batch, &mut body).unwrap();
        }

        let mut reader = FrameReader::default();
        let mut read_head = None;
        let mut read = Vec::new();
        for piece in body.chunks(cut) {
            reader.push(piece);
            while reader.is_ready() {
                if read_head.is_none() {
                    read_head = reader.head().unwrap();
                    continue;
                }
                let batch = &batches[read.len()];
                let listed = reader.items().unwrap().unwrap();
                let expected: Vec<ListedItem<'_>> = batch.iter().map(ListedItem::from).collect();
                prop_assert_eq!(&listed, &expected);
                read.push(listed.len());
            }
        }
        prop_assert_eq!(read_head, Some(head));
        prop_assert_eq!(read.len(), batches.len());
        prop_assert!(reader.finish().is_ok());
    }
}

#[test]
fn a_frame_that_claims_too_much_is_refused_at_once() {
    let mut reader = FrameReader::default();
    reader.push(&u32::MAX.to_le_bytes());
    assert!(reader.is_ready());
    assert!(matches!(reader.items(), Err(FrameError::TooLarge(_))));
}

#[test]
fn a_body_that_ends_within_a_frame_is_noticed() {
    let mut reader = FrameReader::default();
    reader.push(&[9, 0, 0, 0, 1]);
    assert!(matches!(reader.items(), Ok(None)));
    assert!(matches!(reader.finish(), Err(FrameError::Truncated)));
}
