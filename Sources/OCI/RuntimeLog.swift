/// A line of the runtime's `--log` file, the text that `docker run` shows for a failed call.
public enum RuntimeLog {
    public enum Level: String { case warning, error }

    /// `format` is `--log-format`'s value; `time` is RFC 3339.
    public static func line(_ message: String, _ level: Level, format: String?, time: String) throws -> [UInt8] {
        let members: [String: JSONValue] = [
            "level": .string(level.rawValue), "msg": .string(message), "time": .string(time),
        ]
        if format == "json" { return try JSONValue.object(members).serialized() + [0x0a] }
        let quoted = try JSONValue.string(message).serialized()
        return [UInt8]("time=\"\(time)\" level=\(level) msg=".utf8) + quoted + [0x0a]
    }
}
