//! The document of the API, as it was last agreed on.

use causeway_api::{Method, openapi, routes};

#[test]
fn the_document_is_the_one_that_was_agreed_on() {
    insta::assert_json_snapshot!("openapi", openapi());
}

#[test]
fn the_document_has_every_route_and_every_reference_leads_somewhere() {
    let document = openapi();
    for route in routes::all() {
        let operation = &document["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
        assert_eq!(operation["operationId"], route.id);
        for name in route.path.split('/').filter_map(|segment| segment.strip_prefix('{')) {
            let name = name.trim_end_matches('}');
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(
                parameters.iter().any(|known| known["name"] == name && known["in"] == "path"),
                "{}",
                route.id
            );
        }
        if route.method == Method::Get {
            assert!(operation.get("requestBody").is_none(), "{} has a body", route.id);
        }
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"").skip(1) {
        let pointer = reference.split('"').next().unwrap().trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
