//! A browser app in a directory that the operator chose.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use causeway_filetypes::content_type;
use causeway_function_kit::{Answer, BodyWriter, Interrupted, Problem, Request};
use causeway_http_semantics::{
    ReadPlan, ReadStatus, Representation, RequestConditions, Segment, Surface, plan_read,
};

use crate::static_path::{Freshness, Target};

/// Where the host puts the directory. The function sees nothing else of the machine, and no link leads out of it.
const MOUNT: &str = "/web";

/// How much of a file is read and sent at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// The longest line that states a version, in bytes.
const MAX_LINE: u64 = 200;

/// The directory of a browser app.
pub(crate) struct WebRoot(PathBuf);

impl WebRoot {
    /// The directory, if the deployment has one.
    pub(crate) fn find() -> Option<Self> {
        Self::at(Path::new(MOUNT))
    }

    fn at(directory: &Path) -> Option<Self> {
        directory.is_dir().then(|| Self(directory.to_owned()))
    }

    /// The first line of a file, if there is one.
    pub(crate) fn first_line(&self, file: &str) -> Option<String> {
        let mut text = String::new();
        File::open(self.0.join(file)).ok()?.take(MAX_LINE).read_to_string(&mut text).ok()?;
        text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
    }

    /// Answers a request for something of the app.
    pub(crate) fn serve(&self, target: &Target, request: &Request) -> Result<Answer, Problem> {
        match target {
            Target::File(file, freshness) => self.file(file, *freshness, request)?.ok_or_else(nothing),
            Target::FileOrPage(file) => match self.file(file, Freshness::Revalidated, request)? {
                Some(answer) => Ok(answer),
                None => self.page(request),
            },
            Target::Page => self.page(request),
            Target::Api | Target::Nothing => Err(nothing()),
        }
    }

    fn page(&self, request: &Request) -> Result<Answer, Problem> {
        self.file("index.html", Freshness::Unstored, request)?.ok_or_else(nothing)
    }

    /// A file as an answer; `None` when there is none.
    fn file(&self, name: &str, freshness: Freshness, request: &Request) -> Result<Option<Answer>, Problem> {
        let path = self.0.join(name);
        let Some((file, representation)) = open(&path).map_err(Problem::internal)? else { return Ok(None) };
        let conditions = match freshness {
            // A page is sent whole: what is not stored cannot be compared.
            Freshness::Unstored => RequestConditions::default(),
            _ => RequestConditions::from_headers(request.headers().iter()),
        };
        let conditions = if request.is_head() { conditions.without_range() } else { conditions };
        let boundary = request.id().simple().to_string();
        let plan = plan_read(&conditions, &representation, &boundary);
        let is_refused = !plan.status.has_content() && plan.status != ReadStatus::NotModified;
        let answer = answer(file, plan);
        // How long a file holds says nothing of a refusal.
        let kept = if is_refused { Freshness::Unstored } else { freshness };
        Ok(Some(kept.headers().iter().fold(answer, |answer, (name, value)| answer.header(*name, *value))))
    }
}

fn nothing() -> Problem {
    Problem::not_found("Not Found")
}

fn answer(file: File, plan: ReadPlan) -> Answer {
    let ReadPlan { status, headers, content_length, segments } = plan;
    let refusal = match status {
        ReadStatus::PreconditionFailed => Some(Problem::new(412, "Precondition failed")),
        ReadStatus::RangeNotSatisfiable => Some(Problem::new(416, "Range not satisfiable")),
        _ => None,
    };
    let answer = match refusal {
        Some(problem) => Answer::from(problem),
        None if !status.has_content() => Answer::empty(status.code()),
        None => Answer::streamed(status.code(), async move |out| send(file, segments, out).await)
            .length(content_length),
    };
    answer.headers(headers).surface(Surface::WebApp)
}

/// Opens a file; `None` when there is no file of that name, or one that nobody may read.
fn open(path: &Path) -> io::Result<Option<(File, Representation)>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Ok(None),
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let file = File::open(path)?;
    let modified = metadata.modified().ok().and_then(|moment| moment.duration_since(UNIX_EPOCH).ok());
    let stamp = modified.map_or(0, |since| since.as_nanos());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let representation = Representation {
        size: metadata.len(),
        etag: format!("\"{stamp:x}-{:x}\"", metadata.len()),
        last_modified: modified.and_then(|since| i64::try_from(since.as_secs()).ok()),
        content_type: content_type(&name).into_owned(),
    };
    Ok(Some((file, representation)))
}

/// Whether an error means that there is no such file for us: also a link that leads out of the directory, and a name
/// that no file can have.
fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidFilename
    )
}

/// Sends the pieces of a body, and fails rather than send something else than was announced.
async fn send(mut file: File, segments: Vec<Segment>, mut out: BodyWriter) -> Result<(), Interrupted> {
    for segment in segments {
        match segment {
            Segment::Literal(bytes) => out.write(bytes).await?,
            Segment::File(range) => {
                file.seek(SeekFrom::Start(range.start)).map_err(Interrupted::new)?;
                let mut left = range.end - range.start;
                while left > 0 {
                    let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
                    let mut piece = vec![0; length];
                    file.read_exact(&mut piece).map_err(Interrupted::new)?;
                    left -= length as u64;
                    out.write(piece).await?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{WebRoot, open};

    #[test]
    fn a_file_is_told_by_its_size_and_time() {
        let directory = std::env::temp_dir().join(format!("causeway-web-{}", std::process::id()));
        std::fs::create_dir_all(directory.join("assets")).unwrap();
        std::fs::write(directory.join("assets/app.js"), "export {}\n").unwrap();
        std::fs::write(directory.join("VERSION"), " 1.0.9 \nmore\n").unwrap();
        let root = WebRoot::at(&directory).unwrap();
        assert_eq!(root.first_line("VERSION").as_deref(), Some("1.0.9"));
        assert_eq!(root.first_line("GIT_COMMIT"), None);

        let (_, representation) = open(&directory.join("assets/app.js")).unwrap().unwrap();
        assert_eq!(
            (representation.size, representation.content_type.as_str()),
            (10, "text/javascript; charset=utf-8")
        );
        assert!(representation.last_modified.is_some());
        assert!(open(&directory.join("assets")).unwrap().is_none());
        assert!(open(&directory.join("assets/none.js")).unwrap().is_none());
        assert!(open(&directory.join("assets/app.js/x")).unwrap().is_none());
        std::fs::remove_dir_all(&directory).unwrap();
        assert!(WebRoot::at(&directory).is_none());
    }
}
