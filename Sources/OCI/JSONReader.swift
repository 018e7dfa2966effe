/// Reads one JSON value (RFC 8259) from UTF-8 text, each byte once: JSONDecoder takes seconds for a document of a megabyte
/// whose types are not known before, or for one that is nested deeply.
struct JSONReader {
    /// Deeper than any document, and less than the stack.
    private static let deepest = 512

    private let text: [UInt8]
    private var place = 0

    /// nil where the text is not one value, or is nested too deeply.
    static func read(_ text: [UInt8]) -> JSONValue? {
        var reader = JSONReader(text: text)
        guard let value = reader.value(depth: 0) else { return nil }
        reader.skipSpace()
        return reader.place == text.count ? value : nil
    }

    private init(text: [UInt8]) { self.text = text }

    private var next: UInt8? { place < text.count ? text[place] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        let end = place + word.utf8CodeUnitCount
        guard end <= text.count,
            text[place..<end].elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
        else { return false }
        place = end
        return true
    }

    private mutating func skipSpace() {
        while let byte = next, Self.isSpace(byte) { place += 1 }
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0a).contains(byte) || byte == 0x0d }

    private mutating func value(depth: Int) -> JSONValue? {
        guard depth <= Self.deepest else { return nil }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return object(depth: depth + 1)
        case UInt8(ascii: "["): return array(depth: depth + 1)
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "t"): return take(word: "true") ? true : nil
        case UInt8(ascii: "f"): return take(word: "false") ? false : nil
        case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSONValue? {
        place += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\""), let key = string() else { return nil }
            skipSpace()
            guard take(":"), let value = value(depth: depth) else { return nil }
            // Of two members with one name the last counts, as for the engines.
            members[key] = value
            skipSpace()
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func array(depth: Int) -> JSONValue? {
        place += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array(elements) }
        repeat {
            guard let value = value(depth: depth) else { return nil }
            elements.append(value)
            skipSpace()
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    /// A whole number stays one, however it is written, as long as it fits.
    private mutating func number() -> JSONValue? {
        let start = place
        _ = take("-")
        let zero = next == UInt8(ascii: "0")
        let whole = skipDigits()
        guard whole == 1 || whole > 1 && !zero else { return nil }
        var isWhole = true
        if take(".") {
            isWhole = false
            guard skipDigits() > 0 else { return nil }
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            guard skipDigits() > 0 else { return nil }
        }
        let digits = String(decoding: text[start..<place], as: UTF8.self)
        if isWhole, let value = Int64(digits) { return .integer(value) }
        if isWhole, let value = UInt64(digits) { return .unsigned(value) }
        guard let value = Double(digits), value.isFinite else { return nil }
        return Int64(exactly: value).map { .integer($0) } ?? .number(value)
    }

    private mutating func skipDigits() -> Int {
        let start = place
        while let byte = next, (0x30...0x39).contains(byte) { place += 1 }
        return place - start
    }

    private mutating func string() -> String? {
        place += 1
        let start = place
        while let byte = next, !JSONText.needsEscape(byte) { place += 1 }
        if take("\"") { return String(validating: text[start..<place - 1], as: UTF8.self) }
        var bytes = Array(text[start..<place])
        while let byte = next, byte >= 0x20 {
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escaped() else { return nil }
                bytes += UTF8.encode(scalar) ?? .init()
            default: bytes.append(byte)
            }
        }
        return nil
    }

    private mutating func escaped() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        place += 1
        switch Unicode.Scalar(byte) {
        case "\"", "\\", "/": return Unicode.Scalar(byte)
        case "b": return "\u{8}"
        case "f": return "\u{c}"
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "u":
            guard let high = unit() else { return nil }
            guard (0xd800...0xdbff).contains(high) else { return Unicode.Scalar(high) }
            guard take("\\"), take("u"), let low = unit(), (0xdc00...0xdfff).contains(low) else { return nil }
            return Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00))
        default: return nil
        }
    }

    /// Four hexadecimal digits.
    private mutating func unit() -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
            place += 1
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
