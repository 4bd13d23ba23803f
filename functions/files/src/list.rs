//! Listings, passed on while they arrive.

use causeway_api::files::{ListingWriter, PageQuery};
use causeway_function_kit::{Answer, Problem, Request, Wording};
use causeway_internal::files::ListDirectory;
use causeway_paths::SharePath;

use crate::refusal::{invalid, refused_path, worded};

/// JSON of an entry, usually: names, path and times are some 200 bytes.
const BYTES_OF_AN_ENTRY: usize = 256;

pub(crate) async fn list(request: &Request) -> Result<Answer, Problem> {
    let connection = request.path_uuid("connection_id")?;
    let query = request.query();
    let text = query.text("path").unwrap_or_default();
    let page =
        PageQuery { limit: query.text("limit"), cursor: query.text("cursor"), sort: query.text("sort") };
    let page = page.parse().map_err(invalid)?;
    let path = SharePath::parse(text).map_err(refused_path)?;
    let call = ListDirectory { connection, path, page };
    let listing = request.sidecar()?.list(&call).await;
    let mut listing = listing.map_err(worded(Wording::list(text)))?;

    Ok(Answer::written(200, "application/json", async move |mut out| {
        let mut json = Vec::new();
        let mut writer = ListingWriter::open(&call.path, &mut json);
        while let Some(items) = listing.next().await? {
            json.reserve(items.len() * BYTES_OF_AN_ENTRY);
            for item in &items {
                writer.item(item, &mut json);
            }
            out.write(std::mem::take(&mut json)).await?;
        }
        let head = listing.head();
        if call.page.is_some() {
            writer.close_page(head.total, head.next_cursor.as_deref(), &mut json);
        } else {
            writer.close(&mut json);
        }
        out.write(json).await
    }))
}
