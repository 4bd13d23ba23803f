//! Items on shares: `/api/browse` and `/api/viewer`.

mod info;
mod listing_json;
mod query;
mod request;

pub use info::{DirectoryListing, FileInfo, FileType, TransferConflict, UploadAnswer};
pub use listing_json::ListingWriter;
pub(crate) use query::integer_within;
pub use query::{MAX_CURSOR_BYTES, MAX_PAGE_ENTRIES, PageQuery, PdfVariant, ViewQuery};
pub use request::{
    CreateBody, CreateRequest, ItemRequestError, RenameBody, RenameRequest, TransferBody, TransferRequest,
    file_to_write, item_to_delete,
};
