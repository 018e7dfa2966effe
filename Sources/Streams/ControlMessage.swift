import FoundationEssentials

/// What fc-boot and the guest's init tell each other, and vm-exec and the process's session: JSON objects with a `type`,
/// one in a frame. "The image's process" is the one that was asked for.
public enum ControlMessage: Equatable, Sendable {
    /// Host → guest: send this signal to the image's process.
    case signal(number: Int)
    /// Host → guest: the terminal's size (TIOCSWINSZ).
    case windowSize(rows: Int, columns: Int)
    /// Host → guest: everything has arrived, power off, or end the session.
    case finish
    /// Guest → host: the process will be that of the SSH session that names this id.
    case ready(id: String)
    /// Guest → host: the image's process runs. `pid` is its number in the guest.
    case started(pid: Int)
    /// Guest → host: it has ended, with 0…255, or 128 + the signal's number. Its output has been sent.
    case exited(status: Int)
    /// Guest → host: it cannot run. 126: not executable, 127: not found, 125: anything else.
    case failed(message: String, status: Int)

    /// Reads a frame's payload; nil for a message of a type that this version does not know.
    public init?(payload: [UInt8]) throws {
        let wire: Wire
        do {
            wire = try JSONDecoder().decode(Wire.self, from: Data(payload))
        } catch {
            throw StreamError.badMessage("not a message: \(Self.excerpt(payload))")
        }
        func field<T>(_ value: T?) throws -> T {
            guard let value else {
                throw StreamError.badMessage("\(wire.type) lacks a field: \(Self.excerpt(payload))")
            }
            return value
        }
        func number(_ value: Int?, _ range: ClosedRange<Int>) throws -> Int {
            let value = try field(value)
            guard range.contains(value) else {
                throw StreamError.badMessage("\(wire.type): \(value) is not in \(range)")
            }
            return value
        }
        switch wire.type {
        case "signal": self = .signal(number: try number(wire.number, 1...64))
        case "windowSize":
            self = .windowSize(rows: try number(wire.rows, 0...65535), columns: try number(wire.columns, 0...65535))
        case "finish": self = .finish
        case "ready": self = .ready(id: try field(wire.id))
        case "started": self = .started(pid: try number(wire.pid, 1...Int(Int32.max)))
        case "exited": self = .exited(status: try number(wire.status, 0...255))
        case "failed": self = .failed(message: try field(wire.message), status: try number(wire.status, 1...255))
        default: return nil
        }
    }

    /// The payload of its frame.
    public func payload() throws -> [UInt8] {
        var wire = Wire(type: "finish")
        switch self {
        case .signal(let number): wire = Wire(type: "signal", number: number)
        case .windowSize(let rows, let columns): wire = Wire(type: "windowSize", rows: rows, columns: columns)
        case .finish: break
        case .ready(let id): wire = Wire(type: "ready", id: id)
        case .started(let pid): wire = Wire(type: "started", pid: pid)
        case .exited(let status): wire = Wire(type: "exited", status: status)
        case .failed(let message, let status): wire = Wire(type: "failed", status: status, message: message)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return [UInt8](try encoder.encode(wire))
    }

    private struct Wire: Codable {
        var type: String
        var number: Int?
        var rows: Int?
        var columns: Int?
        var pid: Int?
        var status: Int?
        var message: String?
        var id: String?
    }

    private static func excerpt(_ payload: [UInt8]) -> String {
        String(decoding: payload.prefix(80).map { $0 < 0x20 ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}
