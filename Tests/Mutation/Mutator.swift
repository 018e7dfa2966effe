import OCI

/// A sequence of numbers that a seed decides (SplitMix64).
struct Dice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }

    /// 0 up to `end` less one.
    mutating func below(_ end: Int) -> Int { end < 2 ? 0 : Int(truncatingIfNeeded: next() >> 33) % end }
    mutating func pick<T>(_ all: [T]) -> T { all[below(all.count)] }
}

/// Makes wrong documents of right ones.
struct Mutator {
    var dice: Dice

    /// One to four changes to bytes.
    mutating func bytes(_ seed: [UInt8], others: [[UInt8]]) -> [UInt8] {
        var bytes = seed
        for _ in 0...dice.below(4) { change(&bytes, others) }
        return bytes
    }

    private mutating func change(_ bytes: inout [UInt8], _ others: [[UInt8]]) {
        let place = dice.below(bytes.count + 1)
        let end = min(bytes.count, place + dice.below(16))
        switch dice.below(10) {
        case 0: bytes.removeSubrange(place..<bytes.count)
        case 1: bytes.removeSubrange(place..<end)
        case 2: bytes.insert(contentsOf: bytes[place..<end], at: dice.below(bytes.count + 1))
        case 3: bytes.insert(contentsOf: dice.pick(Self.words).utf8, at: place)
        case 4: bytes.replaceSubrange(place..<end, with: dice.pick(Self.words).utf8)
        case 5:
            let other = dice.pick(others)
            let start = dice.below(other.count + 1)
            bytes.insert(contentsOf: other[start..<min(other.count, start + dice.below(64))], at: place)
        case 6: bytes.insert(UInt8(dice.below(256)), at: place)
        case 7: if place < bytes.count { bytes[place] = dice.pick([0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x20]) }
        case 8: if place < bytes.count { bytes[place] ^= 1 << UInt8(dice.below(8)) }
        default: if place < bytes.count { bytes[place] &+= UInt8(dice.below(5)) &- 2 }
        }
    }

    /// One to three changes to the values in a document, which stays JSON.
    mutating func document(_ seed: JSONValue) -> JSONValue {
        var value = seed
        for _ in 0...dice.below(3) { value = changed(value) }
        return value
    }

    private mutating func changed(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members) where !members.isEmpty && dice.below(12) > 0:
            var members = members
            // Sorted, since a dictionary's own order is another in each process.
            let key = dice.pick(members.keys.sorted())
            switch dice.below(8) {
            case 0: members[key] = nil
            case 1: members[dice.pick(Self.words)] = members[key]
            default: members[key] = changed(members[key] ?? .null)
            }
            return .object(members)
        case .array(let elements) where !elements.isEmpty && dice.below(12) > 0:
            var elements = elements
            let index = dice.below(elements.count)
            switch dice.below(8) {
            case 0: elements.remove(at: index)
            case 1: elements += Array(repeating: elements[index], count: dice.pick([1, 2, 300]))
            default: elements[index] = changed(elements[index])
            }
            return .array(elements)
        case .string(let text) where dice.below(3) > 0:
            return .string(String(decoding: bytes([UInt8](text.utf8), others: [[UInt8](text.utf8)]), as: UTF8.self))
        default: return dice.pick(Self.values)
        }
    }

    /// What parsers stumble over.
    static let words = [
        "0", "-1", "1", "255", "256", "65535", "65536", "2147483648", "4294967296", "9223372036854775807",
        "-9223372036854775808", "18446744073709551615", "18446744073709551616", "1e308", "1e999", "-0.0", "1.5",
        "0-9223372036854775807", "/", "//", "..", "/../../etc", ":", "::", "0.0.0.0/0", "255.255.255.255/32", "::/0",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "fe80::1%eth0", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", ",",
        ";",
        "\n", "\r\n", "\0", "\t", " ", "\"", "\\", "\\u0000", "\\ud800", "{", "}", "[", "]", "null", "true", "-", "--",
        "=",
        "\\040", "\\777", "é", "e\u{301}", "\u{301}", "٣", "\u{202e}", "👨‍👩‍👧‍👦", "\u{feff}", "%s%n", "$(reboot)", "tap0",
        "eth0", "host", "bridge", "none", "default", "lowerdir=", "ipvlan", "macvlan", "tun", "l3s",
    ]
    static let values: [JSONValue] =
        words.map { .string($0) }
        + [
            .null, true, false, 0, 1, -1, 255, 65536, 4_294_967_296, .integer(.max), .integer(.min), .unsigned(.max),
            .number(0.5), .number(1e300), .number(-1e300), [], .object([:]), [[]], ["": .null],
            .string(String(repeating: "x", count: 5000)), .string(""),
            .array(Array(repeating: 1, count: 300)),
        ]

    /// Long and deep texts, at which a quadratic or a recursive parser shows.
    static let extremes: [[UInt8]] = {
        func many(_ text: String, _ count: Int) -> [UInt8] { [UInt8](String(repeating: text, count: count).utf8) }
        let short = [
            ",", ":", ".", "/", "\n", " ", "\\", "9", "a", "\"", "e\u{301}", "\u{301}", "-", "A=1 ", "\\040", "0-1,",
        ]
        return short.map { many($0, 50_000) }
            + ["[", "{\"a\":", "[[],", "{\"\":[", "[{\"links\":"].map { many($0, 25_000) }
            + [500, 600].map { many("[", $0) + many("]", $0) } + [many("{\"a\":", 500) + [0x31] + many("}", 500)]
            + [many("[1,", 300) + many("]", 300), [0x5b] + many("1,", 100_000) + [0x31, 0x5d]]
            + [[0x22] + many("x", 1 << 18) + [0x22], [UInt8](repeating: 0, count: 1 << 18)]
            + [[UInt8](repeating: 0xff, count: 1 << 18), []]
    }()
}
