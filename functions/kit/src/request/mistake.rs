//! Which fields of a JSON body are missing or wrong, in the words that clients of the contract know (status 422).

use causeway_api::FieldError;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};
use serde_path_to_error::Segment;

/// What is wrong with a body. Of missing fields all are named, of other mistakes the first: that is as far as serde
/// looks.
pub(super) fn mistakes<T: JsonSchema>(
    error: &serde_path_to_error::Error<serde_json::Error>,
    body: &Value,
) -> Vec<FieldError> {
    let missing = missing_fields::<T>(body);
    if missing.is_empty() { vec![mistake(error, body)] } else { missing }
}

/// A body that is something else than an object.
pub(super) fn no_object(body: &Value) -> FieldError {
    let text = "Input should be a valid dictionary or object to extract fields from";
    FieldError::new("model_attributes_type", &["body"], text, body.clone())
}

/// The fields that the type requires of the outermost object and that are not there.
fn missing_fields<T: JsonSchema>(body: &Value) -> Vec<FieldError> {
    let Value::Object(fields) = body else { return Vec::new() };
    let schema = SchemaGenerator::default().into_root_schema_for::<T>();
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let names = required.filter_map(Value::as_str).filter(|name| !fields.contains_key(*name));
    names.map(|name| FieldError::missing(&["body", name], without_secrets(body))).collect()
}

/// Says which field of a body is wrong, and how.
fn mistake(error: &serde_path_to_error::Error<serde_json::Error>, body: &Value) -> FieldError {
    let mut loc = vec![Value::from("body")];
    let mut input = Some(body);
    for segment in error.path() {
        let (step, below) = match segment {
            Segment::Seq { index } => (Value::from(*index), input.and_then(|value| value.get(*index))),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                (Value::from(key.as_str()), input.and_then(|value| value.get(key)))
            }
            Segment::Unknown => continue,
        };
        loc.push(step);
        input = below;
    }
    let text = error.inner().to_string();
    let missing =
        text.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')).map(|(name, _)| name);
    if let Some(name) = missing
        // The path ends at the object that lacks the field, unless the deserialiser had stepped into it already.
        && loc.last().and_then(Value::as_str) != Some(name)
    {
        loc.push(Value::from(name));
    }
    let (kind, msg, ctx) = if missing.is_some() {
        ("missing", "Field required".to_owned(), None)
    } else if let Some(expected) = text.strip_prefix("unknown variant").and_then(expected) {
        ("enum", format!("Input should be {expected}"), Some(json!({ "expected": expected })))
    } else {
        let (kind, msg) = of_type(&text).unwrap_or_else(|| ("value_error", format!("Value error, {text}")));
        (kind, msg, None)
    };
    let input = input.map_or(Value::Null, without_secrets);
    FieldError { kind: kind.to_owned(), loc, msg, input, ctx }
}

/// The choices of ``unknown variant `x`, expected one of `a`, `b` `` as `'a' or 'b'`.
fn expected(text: &str) -> Option<String> {
    let (_, choices) = text.rsplit_once(", expected ")?;
    let choices = choices.strip_prefix("one of ").unwrap_or(choices).replace('`', "'");
    Some(match choices.rsplit_once(", ") {
        Some((most, last)) => format!("{most} or {last}"),
        None => choices,
    })
}

/// The mistake of `invalid type: …, expected …`.
fn of_type(text: &str) -> Option<(&'static str, String)> {
    let (_, expected) = text.strip_prefix("invalid type: ")?.rsplit_once(", expected ")?;
    let (kind, what) = match expected {
        "a string" => ("string_type", "a valid string"),
        "a boolean" => ("bool_type", "a valid boolean"),
        "i64" | "u64" | "i32" | "u32" | "u16" | "u8" => ("int_type", "a valid integer"),
        "a sequence" => ("list_type", "a valid list"),
        _ if expected.starts_with("struct ") || expected == "a map" => {
            ("model_attributes_type", "a valid dictionary or object to extract fields from")
        }
        _ => return None,
    };
    Some((kind, format!("Input should be {what}")))
}

/// The same without passwords, because error texts get into logs.
fn without_secrets(value: &Value) -> Value {
    let Value::Object(fields) = value else { return value.clone() };
    let hide = |(name, value): (&String, &Value)| {
        let shown = if name.contains("password") { Value::from("********") } else { value.clone() };
        (name.clone(), shown)
    };
    Value::Object(fields.iter().map(hide).collect())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the mistakes matter")]
    struct Draft {
        name: String,
        host: String,
        password: String,
        #[serde(default)]
        scope: Option<Scope>,
        #[serde(default)]
        port: Option<i64>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Scope {
        Shared,
        Private,
    }

    fn of(body: &Value) -> Vec<Value> {
        let error = serde_path_to_error::deserialize::<_, Draft>(body).expect_err("a mistake");
        mistakes::<Draft>(&error, body).iter().map(|mistake| json!(mistake)).collect()
    }

    #[test]
    fn all_missing_fields_are_named_and_no_password_is_repeated() {
        let shown = json!({"password": "********", "scope": "private"});
        let missing = |field| json!({"type": "missing", "loc": ["body", field], "msg": "Field required", "input": shown});
        assert_eq!(
            of(&json!({"password": "secret", "scope": "private"})),
            [missing("name"), missing("host")]
        );
    }

    #[test]
    fn a_wrong_choice_names_the_right_ones() {
        let body = json!({"name": "a", "host": "b", "password": "", "scope": "public"});
        let expected = json!({
            "type": "enum",
            "loc": ["body", "scope"],
            "msg": "Input should be 'shared' or 'private'",
            "input": "public",
            "ctx": {"expected": "'shared' or 'private'"},
        });
        assert_eq!(of(&body), [expected]);
    }

    #[test]
    fn a_value_of_another_type_is_said_to_be_one() {
        let kind = |field: &str, value: Value| {
            let mut body = json!({"name": "a", "host": "b", "password": ""});
            body[field] = value;
            let mistake = of(&body).remove(0);
            assert_eq!(mistake["loc"], json!(["body", field]));
            (mistake["type"].clone(), mistake["msg"].clone())
        };
        assert_eq!(kind("name", json!(5)), (json!("string_type"), json!("Input should be a valid string")));
        assert_eq!(kind("port", json!("x")), (json!("int_type"), json!("Input should be a valid integer")));
        assert_eq!(json!(no_object(&json!([1])))["type"], "model_attributes_type");
    }
}
