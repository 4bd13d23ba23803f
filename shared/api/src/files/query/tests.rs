use super::*;

#[test]
fn without_parameters_the_whole_directory_is_meant() {
    assert_eq!(PageQuery::default().parse(), Ok(None));
}

#[test]
fn any_parameter_makes_it_a_sorted_page() {
    let page = |query: PageQuery<'_>| query.parse().unwrap().unwrap();
    let plain = page(PageQuery { limit: Some("50"), ..PageQuery::default() });
    assert_eq!(plain, PageRequest { sort: SortKey::Name, descending: false, limit: Some(50), cursor: None });
    let newest = page(PageQuery { sort: Some("-modified"), cursor: Some("abc"), ..PageQuery::default() });
    let expected = PageRequest {
        sort: SortKey::Modified,
        descending: true,
        limit: None,
        cursor: Some("abc".to_owned()),
    };
    assert_eq!(newest, expected);
}

#[test]
fn all_mistakes_of_a_page_are_named() {
    let query = PageQuery { limit: Some("0"), cursor: Some(&"x".repeat(5000)), sort: Some("colour") };
    let errors = query.parse().unwrap_err();
    let kinds: Vec<_> = errors.iter().map(|error| error.kind.as_str()).collect();
    assert_eq!(kinds, ["greater_than_equal", "enum", "string_too_long"]);
    for limit in ["10001", "1.5", "many", ""] {
        assert!(PageQuery { limit: Some(limit), ..PageQuery::default() }.parse().is_err(), "{limit}");
    }
}

#[test]
fn the_viewer_knows_its_bounds() {
    let good = ViewQuery {
        pdf_variant: Some("normalized"),
        screen_width: Some("320"),
        screen_height: Some("16384"),
        screen_zoom_percent: Some("400"),
        viewport_width: Some("-1"),
        viewport_height: Some("0"),
        no_resizing: Some("1"),
    };
    assert_eq!(good.parse(), Ok(PdfVariant::Normalized));
    assert_eq!(ViewQuery::default().parse(), Ok(PdfVariant::Original));

    let bad = ViewQuery {
        pdf_variant: Some("tiny"),
        screen_width: Some("319"),
        screen_height: Some("16385"),
        screen_zoom_percent: Some("x"),
        viewport_width: Some("wide"),
        viewport_height: None,
        no_resizing: Some("maybe"),
    };
    let errors = bad.parse().unwrap_err();
    let named: Vec<_> = errors.iter().map(|error| error.loc[1].as_str().unwrap().to_owned()).collect();
    let expected = [
        "pdf_variant",
        "screen_width",
        "screen_height",
        "screen_zoom_percent",
        "viewport_width",
        "no_resizing",
    ];
    assert_eq!(named, expected);
    assert_eq!(errors[1].ctx, Some(json!({"ge": 320})));
}
