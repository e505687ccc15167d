//! Executes the examples of docs/DEALS.md: every deal in it with the history under it.

use crate::months::tell;

#[test]
fn the_examples_of_the_deals_page_are_what_the_engine_books() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/DEALS.md");
    let page = std::fs::read_to_string(path).expect("docs/DEALS.md");
    let mut examples = 0;
    for example in page.split("```json\n").skip(1) {
        let (deal, rest) = example.split_once("```").expect("the deal ends");
        let history = rest.trim_start().strip_prefix("```text\n").expect("a history follows");
        let (history, _) = history.split_once("```").expect("the history ends");
        assert!(history.contains("shows"), "{history}");
        tell(deal, history);
        examples += 1;
    }
    assert_eq!(examples, 9);
}
