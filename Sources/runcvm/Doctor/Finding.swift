import OCI

/// One thing that doctor has looked at.
struct Finding: Encodable, Equatable {
    enum State: String, Encodable {
        case ok
        /// Some features do without.
        case note
        case fault
    }

    var name: String
    var state: State
    var detail: String
    var remedy: String?

    var line: String {
        let mark =
            switch state {
            case .ok: "✓"
            case .note: "!"
            case .fault: "✗"
            }
        return "\(mark) \(name): \(detail)" + (remedy.map { "; \($0)" } ?? "")
    }

    static func ok(_ name: String, _ detail: String) -> Finding { Finding(name: name, state: .ok, detail: detail) }
    static func note(_ name: String, _ detail: String, _ remedy: String? = nil) -> Finding {
        Finding(name: name, state: .note, detail: detail, remedy: remedy)
    }
    static func fault(_ name: String, _ detail: String, _ remedy: String? = nil) -> Finding {
        Finding(name: name, state: .fault, detail: detail, remedy: remedy)
    }

    /// What `body` finds; what it throws is a fault, whose text has the remedy.
    static func of(_ name: String, _ body: () throws -> Finding) -> Finding {
        do { return try body() } catch { return .fault(name, "\(error)") }
    }
}
