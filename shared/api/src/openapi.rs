//! The OpenAPI document.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::{Auth, Content, ErrorBody, FieldError, Parameter, Place, RequestBody, Route, routes};

/// The OpenAPI 3.1 document of all public routes.
pub fn openapi() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut schemas = settings.into_generator();

    let mut paths = Map::new();
    for route in routes::all() {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation(route, &mut schemas);
    }
    // The list of a 422 stands in no type, because `detail` has three forms.
    schemas.subschema_for::<FieldError>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Causeway",
            "description": "SMB shares in the browser.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": {
            "schemas": schemas.take_definitions(true),
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

fn operation(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "tags": [route.component.id()],
        "parameters": parameters(route, schemas),
        "responses": responses(route, schemas),
    });
    if route.auth != Auth::Public {
        operation["security"] = json!([{ "bearer": [] }]);
    }
    if let Some(body) = request_body(route.body, schemas) {
        operation["requestBody"] = body;
    }
    operation
}

fn parameters(route: &Route, schemas: &mut SchemaGenerator) -> Vec<Value> {
    let described = |parameter: &Parameter, schemas: &mut SchemaGenerator| {
        json!({
            "name": parameter.name,
            "in": parameter.place.as_str(),
            "required": parameter.required,
            "description": parameter.description,
            "schema": (parameter.schema)(schemas),
        })
    };
    let in_path = path_parameters(route).map(|name| {
        let declared = route.parameters.iter().find(|known| known.place == Place::Path && known.name == name);
        declared.map_or_else(
            || json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } }),
            |parameter| described(parameter, schemas),
        )
    });
    let mut all: Vec<Value> = in_path.collect();
    let elsewhere = route.parameters.iter().filter(|parameter| parameter.place != Place::Path);
    all.extend(elsewhere.map(|parameter| described(parameter, schemas)));
    all
}

fn path_parameters(route: &Route) -> impl Iterator<Item = &'static str> {
    route.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn request_body(body: RequestBody, schemas: &mut SchemaGenerator) -> Option<Value> {
    Some(match body {
        RequestBody::None => return None,
        RequestBody::Json { schema, required } => {
            json!({ "required": required, "content": { "application/json": { "schema": schema(schemas) } } })
        }
        RequestBody::Form(schema) => {
            let schema = schema(schemas);
            json!({ "required": true, "content": {
                "multipart/form-data": { "schema": schema },
                "application/x-www-form-urlencoded": { "schema": schema },
            } })
        }
        RequestBody::Upload { field } => {
            let schema = json!({
                "type": "object",
                "required": [field],
                "properties": { field: { "type": "string", "contentMediaType": "application/octet-stream" } },
            });
            json!({ "required": true, "content": { "multipart/form-data": { "schema": schema } } })
        }
        RequestBody::UploadForm(schema) => {
            json!({ "required": true, "content": { "multipart/form-data": { "schema": schema(schemas) } } })
        }
        RequestBody::Raw => json!({ "required": true, "content": { "application/octet-stream": {} } }),
    })
}

fn responses(route: &Route, schemas: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for answer in route.answers {
        let mut response = json!({ "description": answer.description });
        match answer.content {
            Content::Empty => {}
            Content::Json(schema) => {
                response["content"] = json!({ "application/json": { "schema": schema(schemas) } });
            }
            Content::File => response["content"] = json!({ "*/*": {} }),
        }
        responses.insert(answer.status.to_string(), response);
    }
    let refusal = json!({
        "description": "Refused",
        "content": { "application/json": { "schema": schemas.subschema_for::<ErrorBody>() } },
    });
    for status in refusals(route) {
        responses.entry(status.to_string()).or_insert_with(|| refusal.clone());
    }
    Value::Object(responses)
}

/// What a route declares, and what follows from what it takes.
fn refusals(route: &Route) -> Vec<u16> {
    let mut statuses = route.refusals.to_vec();
    if route.auth != Auth::Public {
        statuses.push(401);
    }
    let may_be_malformed = !route.parameters.is_empty()
        || !matches!(route.body, RequestBody::None)
        || path_parameters(route).next().is_some();
    if may_be_malformed {
        statuses.push(422);
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}
