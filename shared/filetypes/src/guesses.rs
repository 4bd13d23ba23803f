//! Media types of common files that no preview knows: for whoever fetches the file, and for the browser's own players.
//!
//! Deliberately without `.log`, `.yaml`, `.toml`, `.ini`, `.go`, `.ts` and their like: the browser app chooses the viewer
//! of an unknown type by extension, which it knows better, and `.ts` is a video as often as a program. Compressed single
//! files (`.bz2`, `.xz`) stay unknown too.

/// Media type, and the extensions that have it.
#[rustfmt::skip]
pub(crate) static GUESSES: &[(&str, &[&str])] = &[
    // The web.
    ("text/html", &["html", "htm"]),
    ("text/css", &["css"]),
    ("text/javascript", &["js", "mjs"]),
    ("application/json", &["json"]),
    ("application/manifest+json", &["webmanifest"]),
    ("application/wasm", &["wasm"]),
    // The document says its own encoding, which `text/xml; charset=utf-8` would override.
    ("application/xml", &["xml", "xsl", "rdf", "wsdl"]),
    ("font/woff", &["woff"]),
    ("font/woff2", &["woff2"]),
    ("font/ttf", &["ttf"]),
    ("font/otf", &["otf"]),

    // Text.
    ("text/plain", &["bat", "c", "h", "ksh", "pl", "srt"]),
    ("text/csv", &["csv"]),
    ("text/tab-separated-values", &["tsv"]),
    ("text/richtext", &["rtx"]),
    ("text/x-python", &["py"]),
    ("text/x-rst", &["rst"]),
    ("text/x-sgml", &["sgm", "sgml"]),
    ("text/x-vcard", &["vcf"]),
    ("text/calendar", &["ics"]),
    ("text/vtt", &["vtt"]),
    ("application/x-sh", &["sh"]),
    ("application/x-csh", &["csh"]),
    ("application/x-tcl", &["tcl"]),
    ("application/x-tex", &["tex"]),
    ("application/x-latex", &["latex"]),

    // Offices.
    ("application/msword", &["dot", "wiz"]),
    ("application/vnd.ms-excel", &["xls", "xlb"]),
    ("application/vnd.ms-powerpoint", &["ppt", "pot", "ppa", "pps", "pwz"]),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"]),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"]),
    ("application/vnd.oasis.opendocument.text", &["odt"]),
    ("application/vnd.oasis.opendocument.spreadsheet", &["ods"]),
    ("application/vnd.oasis.opendocument.presentation", &["odp"]),
    ("application/rtf", &["rtf"]),
    ("application/epub+zip", &["epub"]),
    ("application/postscript", &["ps"]),
    ("message/rfc822", &["eml", "mht", "mhtml", "nws"]),

    // Sound.
    ("audio/mpeg", &["mp3", "mp2"]),
    ("audio/mp4", &["m4a"]),
    ("audio/aac", &["aac", "adts"]),
    ("audio/ogg", &["ogg", "oga"]),
    ("audio/opus", &["opus"]),
    ("audio/flac", &["flac"]),
    ("audio/x-wav", &["wav"]),
    ("audio/x-aiff", &["aif", "aifc", "aiff"]),
    ("audio/basic", &["au", "snd"]),
    ("audio/midi", &["mid", "midi"]),
    ("application/vnd.apple.mpegurl", &["m3u", "m3u8"]),

    // Moving pictures.
    ("video/mp4", &["mp4", "m4v"]),
    ("video/mpeg", &["mpeg", "mpg", "mpe", "m1v", "mpa"]),
    ("video/webm", &["webm"]),
    ("video/ogg", &["ogv"]),
    ("video/quicktime", &["mov", "qt"]),
    ("video/x-matroska", &["mkv"]),
    ("video/x-msvideo", &["avi"]),

    // Pictures that are only ever sent as they are.
    ("image/jpeg", &["jpe", "jfif"]),
    ("image/apng", &["apng"]),

    // Bundles and programs.
    ("application/gzip", &["tgz"]),
    ("application/java-archive", &["jar"]),
    ("application/x-pkcs12", &["p12", "pfx"]),
    ("application/x-python-code", &["pyc", "pyo"]),
    ("application/x-shockwave-flash", &["swf"]),
    ("application/x-hdf5", &["h5"]),
    ("application/x-netcdf", &["nc", "cdf"]),
];
