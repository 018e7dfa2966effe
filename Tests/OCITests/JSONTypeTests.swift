import OCI
import Testing

@Suite("JSON of types, and its text")
struct JSONTypeTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: [UInt8](text.utf8), subject: "x") }
    private func text(_ value: JSONValue) throws -> String { String(decoding: try value.serialized(), as: UTF8.self) }

    @Test("names are sorted, and only what must be escaped is")
    func writes() throws {
        let value: JSONValue = [
            "b": "/é\u{1f}\n\"", "B": [1, .number(0.5), .unsigned(.max)], "a": [:], "a2": .null, "a10": true,
        ]
        let wanted = #"{"B":[1,0.5,18446744073709551615],"a":{},"a10":true,"a2":null,"b":"/é\u001f\n\""}"#
        #expect(try text(value) == wanted)
    }

    private enum Colour: String, Codable { case red, blue }
    private struct Inner: Codable, Equatable {
        var small: UInt8
        var ratio: Double?
    }
    private struct Outer: Codable, Equatable {
        var name: String
        var colour: Colour = .red
        var inner: Inner?
        var list: [Inner] = []
        var table: [String: [Int]] = [:]
        var huge = UInt64.max
        var maybe: [Bool?] = []
    }

    @Test("a typed value becomes JSON and comes back; what is absent is left out")
    func types() throws {
        let value = Outer(
            name: "x", inner: Inner(small: 255, ratio: 0.5), list: [Inner(small: 0)], table: ["a": [1], "b": []],
            maybe: [true, nil])
        let wanted = """
            {"colour":"red","huge":18446744073709551615,"inner":{"ratio":0.5,"small":255},"list":[{"small":0}],\
            "maybe":[true,null],"name":"x","table":{"a":[1],"b":[]}}
            """
        #expect(try text(JSONValue(encoding: value)) == wanted)
        #expect(try parse(wanted).decoded(Outer.self, at: "") == value)
        #expect(try parse(#"{"small":1,"ratio":null}"#).decoded(Inner.self, at: "") == Inner(small: 1))
        #expect(try parse(#"{"small":1,"ratio":2}"#).decoded(Inner.self, at: "") == Inner(small: 1, ratio: 2))
    }

    @Test(
        "a value of another type is refused, by its path",
        arguments: [
            ("{}", "x.small: missing"), (#"{"small":null}"#, "x.small: null where a whole number is wanted"),
            (#"{"small":256}"#, "x.small: not a whole number"), (#"{"small":-1}"#, "x.small: not a whole number"),
            (#"{"small":1.5}"#, "x.small: not a whole number"), (#"{"small":true}"#, "x.small: not a whole number"),
            (#"{"small":"1"}"#, "x.small: not a whole number"), (#"{"small":[1]}"#, "x.small: not a whole number"),
            ("[]", "x: not an object"),
        ])
    func paths(_ text: String, _ message: String) throws {
        let failure = #expect(throws: Failure.self) { try parse(text).decoded(Inner.self, at: "x") }
        #expect(failure?.message == message)
    }
}
