//! The content of an upload, taken out of its wrapping while it arrives.

mod intake;

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use causeway_internal::transfer::BodyForm;
use causeway_internal::{Fault, FaultCode};
use futures::StreamExt;
use multer::Multipart;

use intake::HeadBudget;

/// How long the next piece of a body may take to arrive.
const PIECE_TIMEOUT: Duration = Duration::from_mins(2);

/// What may stand before and after the wanted part of a multipart body, in bytes: other small fields, no second file.
const MAX_OTHER_PARTS: usize = 1024 * 1024;

/// The longest small field that is wanted, in bytes.
const MAX_FIELD: usize = 4096;

/// Parts of a form beside the content.
const MAX_PARTS: usize = 64;

/// The part of a form that is the content, and the form around it.
pub(super) struct Part {
    form: Multipart<'static>,
    /// Gone once the part is complete: the form goes on only then.
    field: Option<multer::Field<'static>>,
    fields: Fields,
}

/// The small fields of a form that are wanted beside the content.
#[derive(Default)]
struct Fields {
    wanted: &'static [&'static str],
    found: Vec<(&'static str, String)>,
    skipped: usize,
    parts: usize,
    heads: HeadBudget,
}

/// The content of an upload, out of its wrapping.
pub(super) enum Content {
    Raw(BodyDataStream),
    Part(Box<Part>),
}

impl Content {
    /// Reads up to where the content begins. `wanted` are the small fields to be kept, wherever they stand.
    pub(super) async fn begin(
        form: &BodyForm,
        content_type: Option<&str>,
        body: Body,
        wanted: &'static [&'static str],
    ) -> Result<Self, Fault> {
        let BodyForm::Multipart { field: part } = form else {
            return Ok(Self::Raw(body.into_data_stream()));
        };
        let boundary = content_type
            .and_then(|value| multer::parse_boundary(value).ok())
            .ok_or_else(|| Fault::new(FaultCode::Invalid, "The request is no multipart form"))?;
        let mut fields = Fields { wanted, ..Fields::default() };
        let mut form = Multipart::new(fields.heads.watch(body.into_data_stream()), boundary);
        while let Some(mut field) = in_time(form.next_field()).await?.map_err(|error| malformed(&error))? {
            if field.name() == Some(part) {
                return Ok(Self::Part(Box::new(Part { form, field: Some(field), fields })));
            }
            fields.take(&mut field).await?;
        }
        let mut missing = fields.missing();
        missing.push(part.clone());
        Err(Fault::new(FaultCode::PartMissing, format!("The form has no part named '{part}'"))
            .lacking(missing))
    }

    /// A small field, if it has been read.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let Self::Part(part) = self else { return None };
        part.fields.found.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    /// The wanted small fields that have not been read. Whether they are missing is known when the content has ended.
    pub(super) fn missing(&self) -> Vec<String> {
        match self {
            Self::Raw(_) => Vec::new(),
            Self::Part(part) => part.fields.missing(),
        }
    }

    /// The next piece, or `None` when the content is complete. A body that breaks off is a fault, never an end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        match self {
            Self::Raw(body) => match in_time(body.next()).await? {
                None => Ok(None),
                Some(Ok(piece)) => Ok(Some(piece)),
                Some(Err(error)) => {
                    tracing::debug!(%error, "the body of an upload broke off");
                    Err(incomplete("it broke off"))
                }
            },
            Self::Part(part) => {
                let Part { form, field, fields } = part.as_mut();
                fields.heads.renew();
                if let Some(content) = field {
                    if let Some(piece) = in_time(content.chunk()).await?.map_err(|error| malformed(&error))? {
                        return Ok(Some(piece));
                    }
                    *field = None;
                }
                // The part is complete; only the closing boundary tells that the body is.
                while let Some(mut other) =
                    in_time(form.next_field()).await?.map_err(|error| malformed(&error))?
                {
                    fields.take(&mut other).await?;
                }
                Ok(None)
            }
        }
    }
}

impl Fields {
    /// Reads a field to its end, and keeps it if it is wanted.
    async fn take(&mut self, field: &mut multer::Field<'static>) -> Result<(), Fault> {
        self.heads.renew();
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(Fault::new(FaultCode::TooLarge, "The form has too many parts"));
        }
        let found = |name: &str| self.found.iter().any(|(found, _)| *found == name);
        let wanted =
            self.wanted.iter().find(|wanted| field.name() == Some(**wanted) && !found(wanted)).copied();
        let mut value = Vec::new();
        while let Some(piece) = in_time(field.chunk()).await?.map_err(|error| malformed(&error))? {
            self.skipped += piece.len();
            if self.skipped > MAX_OTHER_PARTS || (wanted.is_some() && value.len() + piece.len() > MAX_FIELD) {
                return Err(Fault::new(FaultCode::TooLarge, "The form holds more than the file"));
            }
            if wanted.is_some() {
                value.extend_from_slice(&piece);
            }
        }
        if let Some(name) = wanted {
            self.found.push((name, String::from_utf8_lossy(&value).into_owned()));
        }
        Ok(())
    }

    fn missing(&self) -> Vec<String> {
        let found = |name: &str| self.found.iter().any(|(found, _)| *found == name);
        self.wanted.iter().filter(|wanted| !found(wanted)).map(|wanted| (*wanted).to_owned()).collect()
    }
}

async fn in_time<T>(piece: impl Future<Output = T>) -> Result<T, Fault> {
    tokio::time::timeout(PIECE_TIMEOUT, piece).await.map_err(|_| incomplete("nothing more arrived in time"))
}

fn malformed(error: &multer::Error) -> Fault {
    tracing::debug!(%error, "the form of an upload is malformed or broke off");
    incomplete("the form is malformed or broke off")
}

pub(super) fn incomplete(how: &str) -> Fault {
    Fault::new(FaultCode::BodyIncomplete, format!("The body of the upload is incomplete: {how}"))
}
