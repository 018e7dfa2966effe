/// Any JSON value (RFC 8259), so that a document can be changed in places and keep every field that we do not model.
public enum JSONValue: Hashable, Sendable {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    case integer(Int64)
    case unsigned(UInt64)
    case number(Double)
    case bool(Bool)
    case null

    /// The largest document that is read: config.json of a privileged container is about 100 KiB.
    public static let largestDocument = 4 << 20

    /// Parses UTF-8 text. Throws `Failure.badInput`, naming `subject`.
    public init(parsing text: [UInt8], subject: String) throws {
        guard text.count <= Self.largestDocument else {
            throw Failure.badInput(subject, "longer than \(Self.largestDocument >> 20) MiB (\(text.count) bytes)")
        }
        guard let first = text.first(where: { !JSONReader.isSpace($0) }) else {
            throw Failure.badInput(subject, "empty; a JSON document is wanted")
        }
        guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") else {
            throw Failure.badInput(subject, "not JSON (it starts with \(Self.quoted(first)))")
        }
        guard let value = JSONReader.read(text) else {
            throw Failure.badInput(subject, "not JSON (RFC 8259), or nested too deeply")
        }
        self = value
    }

    /// This value as one line of UTF-8 text with sorted keys, without a line feed.
    public func serialized() throws -> [UInt8] {
        var text = JSONText()
        try text.append(self)
        return text.bytes
    }

    /// This value as a typed one. Errors name the JSON path, beginning with `path`.
    public func decoded<T: Decodable>(_ type: T.Type = T.self, at path: String) throws -> T {
        do {
            return try T(from: JSONValueDecoder(value: self))
        } catch let error as DecodingError {
            throw error.failure(at: path)
        }
    }

    /// A typed value as JSON. Absent optional values are omitted.
    public init<T: Encodable>(encoding value: T) throws {
        self = try JSONValueEncoder.encode(value)
    }

    private static func quoted(_ byte: UInt8) -> String {
        byte >= 0x20 && byte < 0x7f ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x" + String(byte, radix: 16)
    }
}

extension JSONValue {
    /// A member of an object; nil where this is no object or has no such member. Setting on anything else makes an object.
    public subscript(key: String) -> JSONValue? {
        get { if case .object(let members) = self { members[key] } else { nil } }
        set {
            var members = object ?? [:]
            members[key] = newValue
            self = .object(members)
        }
    }

    public var object: [String: JSONValue]? { if case .object(let members) = self { members } else { nil } }
    public var array: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
    public var string: String? { if case .string(let text) = self { text } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
}

extension DecodingError {
    /// The error as one line with the JSON path of the fault.
    func failure(at root: String) -> Failure {
        func path(_ keys: [any CodingKey]) -> String {
            let parts = keys.map { key in key.intValue.map(String.init) ?? key.stringValue }
            return ([root] + parts).filter { !$0.isEmpty }.joined(separator: ".")
        }
        switch self {
        case .keyNotFound(let key, let context):
            return .badInput(path(context.codingPath + [key]), "missing")
        case .typeMismatch(let type, let context):
            return .badInput(path(context.codingPath), "not \(Self.name(of: type))")
        case .valueNotFound(let type, let context):
            return .badInput(path(context.codingPath), "null where \(Self.name(of: type)) is wanted")
        case .dataCorrupted(let context):
            return .badInput(path(context.codingPath), context.debugDescription)
        @unknown default:
            return .badInput(root, "not as expected")
        }
    }

    private static func name(of type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "a whole number"
        case is [String: Any].Type: "an object"
        case is [Any].Type: "a list"
        default: "of the right type"
        }
    }
}
