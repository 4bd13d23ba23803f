//! The types that previews know.

/// What kind of thing a file is to the person who looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// One picture, or several pages of pictures.
    Image,
    /// Pages of text.
    Document,
    /// Plain text, with markup at most.
    Text,
    /// Holds other files.
    Archive,
}

/// What must happen before a browser can show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conversion {
    /// Nothing: sent as it is.
    Native,
    /// Decoded and encoded anew, inside a component.
    Convert,
    /// A native program makes a picture of it first.
    Preprocess,
}

/// One row of the registry.
#[derive(Debug, PartialEq, Eq)]
pub struct FileType {
    /// Extensions without the dot, lower-case.
    pub extensions: &'static [&'static str],
    /// Media types; the first is the one that we send, the others are names that clients may know it by.
    pub mimes: &'static [&'static str],
    /// What kind of thing it is.
    pub category: Category,
    /// What must happen before a browser can show it.
    pub conversion: Conversion,
}

impl FileType {
    /// The media type that we send.
    pub const fn mime(&self) -> &'static str {
        self.mimes[0]
    }
}

use Category::{Archive, Document, Image, Text};
use Conversion::{Convert, Native, Preprocess};

const fn row(
    extensions: &'static [&'static str],
    mimes: &'static [&'static str],
    category: Category,
    conversion: Conversion,
) -> FileType {
    FileType { extensions, mimes, category, conversion }
}

/// All file types that previews know. A new one is added here and nowhere else.
#[rustfmt::skip]
pub static REGISTRY: &[FileType] = &[
    row(&["jpg", "jpeg"], &["image/jpeg"], Image, Native),
    row(&["png"], &["image/png"], Image, Native),
    row(&["gif"], &["image/gif"], Image, Native),
    row(&["webp"], &["image/webp"], Image, Native),
    row(&["svg"], &["image/svg+xml"], Image, Native),
    row(&["avif"], &["image/avif"], Image, Native),

    row(&["tif", "tiff"], &["image/tiff"], Image, Convert),
    row(&["heic"], &["image/heic"], Image, Convert),
    row(&["heif"], &["image/heif"], Image, Convert),
    row(&["bmp", "dib"], &["image/bmp"], Image, Convert),
    row(&["ico"], &["image/vnd.microsoft.icon", "image/x-icon"], Image, Convert),
    row(&["cur"], &["image/x-win-bitmap"], Image, Convert),
    row(&["pcx"], &["image/x-pcx"], Image, Convert),
    row(&["tga"], &["image/x-tga"], Image, Convert),
    row(&["ppm"], &["image/x-portable-pixmap"], Image, Convert),
    row(&["pgm"], &["image/x-portable-graymap"], Image, Convert),
    row(&["pbm"], &["image/x-portable-bitmap"], Image, Convert),
    row(&["pnm"], &["image/x-portable-anymap"], Image, Convert),
    row(&["xbm"], &["image/x-xbitmap"], Image, Convert),
    row(&["xpm"], &["image/x-xpixmap"], Image, Convert),
    row(&["jp2", "j2k", "jpt", "j2c", "jpc"], &["image/jp2", "image/jpx", "image/jpm"], Image, Convert),
    row(&["jxl"], &["image/jxl"], Image, Convert),
    row(&["exr"], &["image/x-exr"], Image, Convert),
    row(&["hdr"], &["image/vnd.radiance"], Image, Convert),
    row(&["fits", "fit", "fts"], &["image/fits", "application/fits"], Image, Convert),
    row(&["svs", "ndpi", "scn", "mrxs", "vms", "vmu", "bif"], &["image/x-whole-slide"], Image, Convert),
    row(&["img"], &["image/x-img", "application/x-analyze"], Image, Convert),
    row(&["mat"], &["application/x-matlab-data"], Image, Convert),

    row(&["psd", "psb"], &["image/vnd.adobe.photoshop", "image/x-photoshop"], Image, Preprocess),
    row(&["eps"], &["application/postscript", "image/x-eps"], Image, Preprocess),
    row(&["ai"], &["application/postscript", "application/illustrator"], Image, Preprocess),

    row(&["pdf"], &["application/pdf"], Document, Native),
    row(&["doc"], &["application/msword"], Document, Native),
    row(&["docx"], &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"], Document, Native),

    row(&["md", "markdown"], &["text/markdown", "text/x-markdown"], Text, Native),
    row(&["txt"], &["text/plain"], Text, Native),

    row(&["zip"], &["application/zip"], Archive, Native),
    row(&["tar"], &["application/x-tar"], Archive, Native),
    row(&["gz"], &["application/gzip"], Archive, Native),
    row(&["7z"], &["application/x-7z-compressed"], Archive, Native),
    row(&["rar"], &["application/vnd.rar"], Archive, Native),
];
