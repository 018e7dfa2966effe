import Glibc
import Testing

@testable import OCI

@Suite("JSON")
struct JSONValueTests {
    private func parse(_ text: String) throws -> JSONValue {
        try JSONValue(parsing: [UInt8](text.utf8), subject: "test")
    }

    /// The time of the processor that this thread has had, in seconds.
    private static func time() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    static let large = [
        String(repeating: "[", count: 500) + String(repeating: "]", count: 500),
        String(repeating: "[", count: 64) + String(repeating: "1,", count: 100_000) + "1"
            + String(repeating: "]", count: 64),
        "[" + String(repeating: #"{"a":1},"#, count: 100_000) + "1]",
    ]

    @Test("a deep or a long document takes no time to speak of", arguments: large.indices)
    func quick(_ index: Int) throws {
        let text = [UInt8](Self.large[index].utf8)
        let start = Self.time()
        _ = try JSONValue(parsing: text, subject: "test")
        #expect(Self.time() - start < 2)
    }

    static let values: [(String, JSONValue)] = [
        ("-0", 0), ("12", 12), ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .unsigned(1 << 63)),
        ("1.5", .number(1.5)), ("1.0", 1), ("2e3", 2000), ("1E-1", .number(0.1)), ("true", true), ("null", .null),
        (#""a\"\\\/\b\f\n\r\t\u00e9""#, "a\"\\/\u{8}\u{c}\n\r\t\u{e9}"), (#""\ud83d\ude00""#, "\u{1f600}"),
        (#"{"a":1,"a":2}"#, ["a": 2]), (" [ ] ", []), ("{ }", .object([:])),
    ]

    @Test("every kind of value is read as what it is", arguments: values.indices)
    func kinds(_ index: Int) throws {
        #expect(try parse("[\(Self.values[index].0)]") == .array([Self.values[index].1]))
    }

    @Test(
        "what is no JSON is refused",
        arguments: [
            "01", "1.", ".5", "+1", "-", "1e", "1e999", "tru", "True", "nul", "'a'", #""a"#, "\"a\nb\"", #""\x""#,
            #""\ud800""#, #""\ud800\u0041""#, #""\u12""#, "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{1:2}",
            "1,,2", "1 2", "]", "", "\u{feff}1",
        ])
    func refused(_ text: String) {
        let wanted = Failure.badInput("test", "not JSON (RFC 8259), or nested too deeply")
        #expect(throws: wanted) { try parse(text.isEmpty ? "[" : "[\(text)]") }
    }

    @Test("bytes that are no UTF-8 are no text")
    func notUTF8() {
        #expect(throws: Failure.self) {
            try JSONValue(parsing: Array("[\"".utf8) + [0xff] + Array("\"]".utf8), subject: "t")
        }
    }
}

@Suite("errors")
struct FailureTests {
    @Test("a message is one line, whatever it quotes, and no longer than a reader bears")
    func oneLine() {
        #expect(Failure(.usage, "X=a\nb\u{1b}[2J: no").message == "X=a?b?[2J: no")
        #expect(Failure(.usage, String(repeating: "x", count: 5000)).message.utf8.count < 1010)
    }
}
