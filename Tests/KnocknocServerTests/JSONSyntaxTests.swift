import Testing

@testable import KnocknocServer

@Suite("Where JSON breaks")
struct JSONSyntaxTests {
    @Test(
        "the place is named",
        arguments: [
            (#"{"a":1,"#, "line 1, column 8"), ("{\n  \"a\": x\n}", "line 2, column 8: expected a value"),
            (#"{"a" 1}"#, #"line 1, column 6: expected ":""#), (#"{"a":1} x"#, "line 1, column 9: expected the end"),
            (#"{"a":"b"#, "expected a closing double quote"), (#"{a:1}"#, "field's name in double quotes"),
            ("", "line 1, column 1"),
        ])
    func fault(_ text: String, _ expected: String) {
        #expect(JSONSyntax.fault(in: Array(text.utf8))?.contains(expected) == true)
    }

    @Test("JSON has no fault", arguments: [#"{"a":[1,-2.5e3,"x\"y",null,true,{}],"b":[]}"#, " 1 ", #""é""#])
    func fine(_ text: String) { #expect(JSONSyntax.fault(in: Array(text.utf8)) == nil) }
}
