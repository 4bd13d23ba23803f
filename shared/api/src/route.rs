//! What a route is.

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the schema of a type, as a value that a table can hold.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// The methods that the API knows (RFC 9110 9.3, RFC 5789).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads what is said about the content, without the content. Routes never name it: see [`Route::allows`].
    Head,
    /// Makes or does.
    Post,
    /// Replaces.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// The method of that name; methods are case-sensitive.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            _ => return None,
        })
    }

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The function that serves a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// `/api/auth/…`, `/api/admin/…`
    Auth,
    /// `/api/connections…`, `/api/browse/…`
    Files,
    /// `/api/companion/…`, `/api/browse/…/lock…`
    Locks,
    /// `/api/viewer/…`
    Preview,
    /// Everything else.
    System,
}

impl Component {
    /// Its id in `spin.toml`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Files => "files",
            Self::Locks => "locks",
            Self::Preview => "preview",
            Self::System => "system",
        }
    }
}

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Anybody.
    Public,
    /// Who carries a browser access token.
    Browser,
    /// Who carries a token of the desktop companion. Which kind, and for which file, is for the function to check, after
    /// the form of the request.
    Companion,
    /// Who carries a browser access token, or with the parameters [`OPERATION_PARAMETERS`] a companion's operation token.
    BrowserOrOperation,
}

/// The query parameters by which a companion proves its lock on routes that are for browsers too.
pub const OPERATION_PARAMETERS: [&str; 3] = ["operation_id", "lock_id", "lock_capability"];

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
}

impl Place {
    /// Its name in OpenAPI and in `loc` of a validation error.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// A parameter of a route. Path parameters are UUIDs unless they are declared otherwise, and need no declaration.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Whether it must be there.
    pub required: bool,
    /// Its type.
    pub schema: SchemaOf,
    /// One sentence for people.
    pub description: &'static str,
}

impl Parameter {
    /// A query parameter that must be there.
    pub const fn required<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            place: Place::Query,
            required: true,
            schema: SchemaGenerator::subschema_for::<T>,
            description,
        }
    }

    /// A query parameter that may be left out.
    pub const fn optional<T: JsonSchema>(name: &'static str, description: &'static str) -> Self {
        Self { required: false, ..Self::required::<T>(name, description) }
    }

    /// The first of [`OPERATION_PARAMETERS`].
    pub const OPERATION_ID: Self = Self::optional::<String>(
        OPERATION_PARAMETERS[0],
        "With an operation token: id of the edit, together with the two others.",
    );
    /// The second.
    pub const LOCK_ID: Self =
        Self::optional::<String>(OPERATION_PARAMETERS[1], "With an operation token: id of the lock.");
    /// The third.
    pub const LOCK_CAPABILITY: Self =
        Self::optional::<String>(OPERATION_PARAMETERS[2], "With an operation token: the lock's secret.");

    /// A header that may be left out.
    pub const fn header(name: &'static str, description: &'static str) -> Self {
        Self { place: Place::Header, ..Self::optional::<String>(name, description) }
    }
}

/// What a request carries.
#[derive(Debug, Clone, Copy)]
pub enum RequestBody {
    /// Nothing; what comes anyway is ignored.
    None,
    /// JSON.
    Json {
        /// Its type.
        schema: SchemaOf,
        /// Whether it must be there.
        required: bool,
    },
    /// A form, as `multipart/form-data` or `application/x-www-form-urlencoded`.
    Form(SchemaOf),
    /// `multipart/form-data` with a file in the part of that name.
    Upload {
        /// Name of the part.
        field: &'static str,
    },
    /// `multipart/form-data` with a file and more.
    UploadForm(SchemaOf),
    /// The content of a file as it is.
    Raw,
}

impl RequestBody {
    /// JSON that must be there.
    pub const fn json<T: JsonSchema>() -> Self {
        Self::Json { schema: SchemaGenerator::subschema_for::<T>, required: true }
    }

    /// JSON that may be left out.
    pub const fn optional_json<T: JsonSchema>() -> Self {
        Self::Json { schema: SchemaGenerator::subschema_for::<T>, required: false }
    }

    /// A form with a file in it.
    pub const fn form_with_file<T: JsonSchema>() -> Self {
        Self::UploadForm(SchemaGenerator::subschema_for::<T>)
    }

    /// A form.
    pub const fn form<T: JsonSchema>() -> Self {
        Self::Form(SchemaGenerator::subschema_for::<T>)
    }
}

/// What an answer carries.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// Nothing.
    Empty,
    /// JSON.
    Json(SchemaOf),
    /// A file.
    File,
}

/// A successful answer. Refusals are declared by [`Route::refuses`].
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What it carries.
    pub content: Content,
    /// One sentence for people.
    pub description: &'static str,
}

impl Answer {
    /// JSON.
    pub const fn json<T: JsonSchema>(status: u16, description: &'static str) -> Self {
        Self { status, content: Content::Json(SchemaGenerator::subschema_for::<T>), description }
    }

    /// Nothing but the status.
    pub const fn empty(status: u16, description: &'static str) -> Self {
        Self { status, content: Content::Empty, description }
    }

    /// A file.
    pub const fn file(status: u16, description: &'static str) -> Self {
        Self { status, content: Content::File, description }
    }
}

/// A public route.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path with parameters in braces: `/api/browse/{connection_id}/list`.
    pub path: &'static str,
    /// Name of the operation, unique in the API.
    pub id: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Which function serves it.
    pub component: Component,
    /// Who may call it.
    pub auth: Auth,
    /// What it takes besides its path and body.
    pub parameters: &'static [Parameter],
    /// What it takes as a body.
    pub body: RequestBody,
    /// What it answers when all is well; the first is the usual one.
    pub answers: &'static [Answer],
    /// Statuses of its refusals, besides 401 and 422 which follow from the rest.
    pub refusals: &'static [u16],
}

impl Route {
    /// A route for those who carry a token, without parameters, body or answers yet.
    pub const fn new(component: Component, method: Method, path: &'static str, id: &'static str) -> Self {
        Self {
            method,
            path,
            id,
            summary: "",
            component,
            auth: Auth::Browser,
            parameters: &[],
            body: RequestBody::None,
            answers: &[],
            refusals: &[],
        }
    }

    /// The same with a sentence for people.
    #[must_use]
    pub const fn about(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    /// The same for anybody.
    #[must_use]
    pub const fn public(self) -> Self {
        Self { auth: Auth::Public, ..self }
    }

    /// The same for who carries one of the companion's tokens.
    #[must_use]
    pub const fn for_companion(self) -> Self {
        Self { auth: Auth::Companion, ..self }
    }

    /// The same for who carries a browser's token, or proves a lock with an operation token.
    #[must_use]
    pub const fn for_operations_too(self) -> Self {
        Self { auth: Auth::BrowserOrOperation, ..self }
    }

    /// The same with parameters.
    #[must_use]
    pub const fn takes(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    /// The same with a body.
    #[must_use]
    pub const fn body(self, body: RequestBody) -> Self {
        Self { body, ..self }
    }

    /// The same with answers.
    #[must_use]
    pub const fn answers(self, answers: &'static [Answer]) -> Self {
        Self { answers, ..self }
    }

    /// The same with the statuses of refusals.
    #[must_use]
    pub const fn refuses(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }

    /// Whether it answers with a file's content.
    pub fn serves_content(&self) -> bool {
        self.answers.iter().any(|answer| matches!(answer.content, Content::File))
    }

    /// Whether a request of that method is one for this route: its own method, and `HEAD` where `GET` serves content.
    pub fn allows(&self, method: Method) -> bool {
        method == self.method
            || (method == Method::Head && self.method == Method::Get && self.serves_content())
    }
}

/// A route and the operation by which its function knows it.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint<O> {
    /// What the function does.
    pub operation: O,
    /// Which requests ask for it.
    pub route: Route,
}
