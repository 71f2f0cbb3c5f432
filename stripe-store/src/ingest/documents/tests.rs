use std::io::{BufReader, Read};

use proptest::prelude::*;

use super::*;

/// Every document as `LINE TEXT`, every error as it prints, one a line.
fn read(input: &[u8]) -> String {
    render(Documents::new(input))
}

fn render<R: BufRead>(documents: Documents<R>) -> String {
    documents
        .map(|document| match document {
            Ok(document) => format!("{} {}\n", document.line(), document.text()),
            Err(error) => format!("! {error}\n"),
        })
        .collect::<Vec<_>>()
        .concat()
}

/// The same however the reader cuts the input.
#[track_caller]
fn check(input: impl AsRef<[u8]>, expected: &str) {
    let input = input.as_ref();
    assert_eq!(read(input), expected);
    for capacity in [1, 2, 3, 7] {
        assert_eq!(
            render(Documents::new(BufReader::with_capacity(capacity, input))),
            expected,
            "in pieces of {capacity}"
        );
    }
}

#[test]
fn json_lines_are_one_document_each() {
    check("{\"a\":1}\n{\"b\":2}\n", "1 {\"a\":1}\n2 {\"b\":2}\n");
    check("{\"a\":1}\r\n\r\n{\"b\":2}", "1 {\"a\":1}\n3 {\"b\":2}\n");
    check("", "");
    check("\n \t\n", "");
}

#[test]
fn documents_may_be_laid_out_over_lines_and_follow_each_other() {
    check(
        "{\n  \"a\": {\"b\": [1,\n 2]}\n}\n{\n\"c\": 3}{}",
        "1 {\n  \"a\": {\"b\": [1,\n 2]}\n}\n5 {\n\"c\": 3}\n6 {}\n",
    );
    check(
        "{\n\"items\": [\n{\n\"id\": 1\n},\n{\n\"id\": 2\n}\n]\n}\n{}",
        "1 {\n\"items\": [\n{\n\"id\": 1\n},\n{\n\"id\": 2\n}\n]\n}\n11 {}\n",
    );
}

#[test]
fn an_array_gives_its_elements() {
    check("[{\"a\":1},{\"b\":[2]}]", "1 {\"a\":1}\n1 {\"b\":[2]}\n");
    check(
        "[\n  {\n    \"a\": 1\n  },\n  {}\n]\n",
        "2 {\n    \"a\": 1\n  }\n5 {}\n",
    );
    check("[]", "");
    check(
        "[{\"a\":1}]\n{\"b\":2}\n[{\"c\":3}]",
        "1 {\"a\":1}\n2 {\"b\":2}\n3 {\"c\":3}\n",
    );
    check("[[{\"a\":1}],[{\"b\":2}]]", "1 {\"a\":1}\n1 {\"b\":2}\n");
}

#[test]
fn brackets_and_quotes_in_strings_are_text() {
    check(
        "{\"a\":\"}]{[\\\"\\\\\"}\n{\"b\":\"\\u007d\"}",
        "1 {\"a\":\"}]{[\\\"\\\\\"}\n2 {\"b\":\"\\u007d\"}\n",
    );
}

#[test]
fn a_line_cut_short_takes_no_other_with_it() {
    for cut in [
        "{\"id\":\"x\",\"li",
        "{\"id\":\"x\"",
        "{\"id\":\"x\",",
        "{\"id\":",
        "{\"id\":{",
        "{\"id\":[",
        "{\"id\":[{}",
        "{\"id\":[{},",
        "{\"id\":[1,{\"b\":[",
        "{",
    ] {
        let input = format!("{{\"a\":1}}\n{cut}\n{{\"b\":2}}\n{{\"c\":3}}\n");
        let output = read(input.as_bytes());
        let mut lines = output.lines();
        assert_eq!(lines.next(), Some("1 {\"a\":1}"), "{cut}");
        assert!(
            lines
                .next()
                .is_some_and(|line| line.starts_with("! line 2: ")),
            "{cut}: {output}"
        );
        assert_eq!(lines.next(), Some("3 {\"b\":2}"), "{cut}");
        assert_eq!(lines.next(), Some("4 {\"c\":3}"), "{cut}");
        assert_eq!(lines.next(), None, "{cut}");
    }
}

#[test]
fn other_text_between_lines_is_reported_line_by_line() {
    check(
        "{\"a\":1}\nhello\nworld, and more\n{\"b\":2} trailing\n}\n{\"c\":3}",
        "1 {\"a\":1}\n\
         ! line 2: expected an object, found `hello`\n\
         ! line 3: expected an object, found `world`\n\
         4 {\"b\":2}\n\
         ! line 4: expected an object, found `trailing`\n\
         ! line 5: expected an object, found `}`\n\
         6 {\"c\":3}\n",
    );
}

#[test]
fn a_document_over_several_lines_is_left_out_whole_when_it_is_broken() {
    check(
        "{\n  \"a\": \"b\n  \"c\": {\n    \"d\": 1\n  }\n}\n{\n  \"e\": 1\n}\n",
        "! line 2: a string does not end\n7 {\n  \"e\": 1\n}\n",
    );
    check(
        "[\n  {\n    \"a\": [1},\n    \"b\": {\n    }\n  },\n  {\n    \"c\": 1\n  }\n]\n{}\n",
        "! line 3: `}` closes nothing\n7 {\n    \"c\": 1\n  }\n11 {}\n",
    );
}

#[test]
fn an_input_that_ends_too_early_says_so() {
    check(
        "{\"a\":1}\n{\"b\"",
        "1 {\"a\":1}\n! line 2: the object that begins here does not end\n",
    );
    check(
        "[{\"a\":1},\n{\"b\":2}",
        "1 {\"a\":1}\n2 {\"b\":2}\n! line 2: the input ends here, but not the array that begins on line 1\n",
    );
}

#[test]
fn what_is_no_object_in_an_array_is_reported_alone() {
    check(
        "[1, {\"a\":1}, null, {\"b\":2}]",
        "! line 1: expected an object, found `1`\n\
         1 {\"a\":1}\n\
         ! line 1: expected an object, found `null`\n\
         1 {\"b\":2}\n",
    );
}

#[test]
fn one_bad_byte_sequence_is_one_bad_document() {
    check(
        b"{\"a\":1}\n{\"b\":\"\xff\xfe\"}\n{\"c\":\n\"\xc3\x28\"}\n{\"d\":4}\n",
        "1 {\"a\":1}\n! line 2: not valid UTF-8\n! line 4: not valid UTF-8\n5 {\"d\":4}\n",
    );
    check(
        b"\x80\x81\n{\"a\":1}\n",
        "! line 1: expected an object, found `\u{fffd}\u{fffd}`\n2 {\"a\":1}\n",
    );
}

#[test]
fn a_byte_order_mark_is_passed_over_and_other_encodings_are_named() {
    check(b"\xef\xbb\xbf{\"a\":1}", "1 {\"a\":1}\n");
    check(
        b"\xff\xfe{\0",
        "! the input is UTF-16: convert it to UTF-8 first\n",
    );
    check(
        b"\x1f\x8b\x08\0",
        "! the input is compressed with gzip: decompress it first\n",
    );
}

#[test]
fn a_document_past_the_limit_is_left_out() {
    let long = format!("{{\"a\":\"{}\"}}\n{{\"b\":2}}\n", "x".repeat(200));
    let documents = Documents::new(long.as_bytes()).with_max_document_bytes(100);
    assert_eq!(
        render(documents),
        "! line 1: the object is larger than 100 bytes\n2 {\"b\":2}\n"
    );

    let wide = format!("{{\"a\":[{}1]}}\n{{\"b\":2}}\n", "1,\n  ".repeat(200));
    let documents = Documents::new(wide.as_bytes()).with_max_document_bytes(100);
    assert_eq!(
        render(documents),
        "! line 1: the object is larger than 100 bytes\n202 {\"b\":2}\n"
    );
}

#[test]
fn a_reader_that_fails_ends_the_documents() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("gone"))
        }
    }
    let input = b"{\"a\":1}\n{".chain(Failing);
    assert_eq!(
        render(Documents::new(BufReader::new(input))),
        "1 {\"a\":1}\n! could not read on at line 2\n"
    );
}

#[test]
fn a_long_input_is_not_kept() {
    let line = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1000));
    let input = line.repeat(5000);
    let mut documents = Documents::new(BufReader::new(input.as_bytes()));
    let mut count = 0;
    while let Some(document) = documents.next() {
        assert!(document.is_ok());
        assert!(documents.input.buffer.capacity() < 512 * 1024);
        count += 1;
    }
    assert_eq!((count, documents.line()), (5000, 5001));
    assert_eq!(documents.bytes_read(), u64::try_from(input.len()).unwrap());
}

proptest! {
    #[test]
    fn any_bytes_read_the_same_however_they_are_cut(
        bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\\n \r\x80a1".to_vec()), 0..80),
        capacity in 1_usize..9,
    ) {
        let cut = BufReader::with_capacity(capacity, bytes.as_slice());
        prop_assert_eq!(read(&bytes), render(Documents::new(cut)));
    }

    #[test]
    fn every_document_is_found_in_every_form(
        texts in prop::collection::vec("[a-c{}\\[\\]\",:\\\\\n]{0,12}", 0..6),
        pretty: bool,
    ) {
        let documents: Vec<String> = texts
            .iter()
            .map(|text| {
                let value = serde_json::json!({ "text": text, "list": [1, { "deep": text }] });
                if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }
            })
            .collect::<Result<_, _>>()
            .unwrap();
        let forms = [
            documents.join("\n"),
            documents.concat(),
            format!("[{}]", documents.join(",\n  ")),
        ];
        for form in forms {
            let found: Result<Vec<_>, _> = Documents::new(form.as_bytes()).collect();
            let found: Vec<String> = found.unwrap().into_iter().map(|document| document.text).collect();
            prop_assert_eq!(&found, &documents);
        }
    }
}
