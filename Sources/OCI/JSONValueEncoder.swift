/// Makes a JSONValue of a typed value, without a text between. A node for each value, until all of it is known.
final class JSONValueEncoder: Encoder {
    private enum Content {
        case none
        case value(JSONValue)
        case members([String: JSONValueEncoder])
        case elements([JSONValueEncoder])
    }

    private var content = Content.none
    // Nothing fails here that a path would help to find.
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func encode<T: Encodable>(_ value: T) throws -> JSONValue {
        let encoder = JSONValueEncoder()
        try value.encode(to: encoder)
        return encoder.value
    }

    private var value: JSONValue {
        switch content {
        case .none: .object([:])
        case .value(let value): value
        case .members(let members): .object(members.mapValues(\.value))
        case .elements(let elements): .array(elements.map(\.value))
        }
    }

    func container<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .members = content {} else { content = .members([:]) }
        return KeyedEncodingContainer(Keyed(encoder: self))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .elements = content {} else { content = .elements([]) }
        return Unkeyed(encoder: self)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

    fileprivate func set(_ value: JSONValue) { content = .value(value) }

    fileprivate func member(_ name: String) -> JSONValueEncoder {
        let child = JSONValueEncoder()
        if case .members(var members) = content {
            content = .none  // So that there is one owner, and no copy.
            members[name] = child
            content = .members(members)
        }
        return child
    }

    fileprivate func element() -> JSONValueEncoder {
        let child = JSONValueEncoder()
        if case .elements(var elements) = content {
            content = .none
            elements.append(child)
            content = .elements(elements)
        }
        return child
    }

    fileprivate var count: Int { if case .elements(let elements) = content { elements.count } else { 0 } }
}

/// The generic `encode` stands for those of each type, too.
private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: JSONValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil(forKey key: Key) throws { encoder.member(key.stringValue).set(.null) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        try value.encode(to: encoder.member(key.stringValue))
    }
    func nestedContainer<Nested>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
        encoder.member(key.stringValue).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder.member(key.stringValue).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { encoder.member("super") }
    func superEncoder(forKey key: Key) -> any Encoder { encoder.member(key.stringValue) }
}

private struct Unkeyed: UnkeyedEncodingContainer {
    let encoder: JSONValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }
    var count: Int { encoder.count }

    func encodeNil() throws { encoder.element().set(.null) }
    func encode<T: Encodable>(_ value: T) throws { try value.encode(to: encoder.element()) }
    func nestedContainer<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        encoder.element().container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder.element().unkeyedContainer() }
    func superEncoder() -> any Encoder { encoder.element() }
}

private struct Single: SingleValueEncodingContainer {
    let encoder: JSONValueEncoder
    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil() throws { encoder.set(.null) }
    func encode<T: Encodable>(_ value: T) throws { try value.encode(to: encoder) }

    func encode(_ value: Bool) throws { encoder.set(.bool(value)) }
    func encode(_ value: String) throws { encoder.set(.string(value)) }
    func encode(_ value: Double) throws { encoder.set(.number(value)) }
    func encode(_ value: Float) throws { encoder.set(.number(Double(value))) }
    func encode(_ value: Int) throws { encoder.set(.integer(Int64(value))) }
    func encode(_ value: Int8) throws { encoder.set(.integer(Int64(value))) }
    func encode(_ value: Int16) throws { encoder.set(.integer(Int64(value))) }
    func encode(_ value: Int32) throws { encoder.set(.integer(Int64(value))) }
    func encode(_ value: Int64) throws { encoder.set(.integer(value)) }
    func encode(_ value: UInt) throws { try encode(UInt64(value)) }
    func encode(_ value: UInt8) throws { encoder.set(.integer(Int64(value))) }
    func encode(_ value: UInt16) throws { encoder.set(.integer(Int64(value))) }
    func encode(_ value: UInt32) throws { encoder.set(.integer(Int64(value))) }
    func encode(_ value: UInt64) throws {
        // As the parser would have it.
        encoder.set(Int64(exactly: value).map(JSONValue.integer) ?? .unsigned(value))
    }
}
