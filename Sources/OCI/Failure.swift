/// A failure that the tool reports in one line: what happened, to what, and the remedy.
///
/// The kinds follow sysexits.h(3head); the tool maps each to its exit code in one table.
public struct Failure: Error, Equatable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// The user asked for what does not exist or does not go together (EX_USAGE).
        case usage
        /// A document on the pipe or a bundle's config.json is not as it must be (EX_DATAERR).
        case badInput
        /// An input file is missing (EX_NOINPUT).
        case missingInput
        /// A needed program, device or kernel feature is missing, or not supported yet (EX_UNAVAILABLE).
        case unavailable
        /// A defect of runcvm itself (EX_SOFTWARE).
        case bug
        /// An output file cannot be created (EX_CANTCREAT).
        case cannotCreate
        /// Somebody else is at work; the same call may succeed later (EX_TEMPFAIL).
        case tryAgain
        /// A privilege is missing (EX_NOPERM).
        case privilege
        /// The virtual machine itself could not run (as `docker run` uses 125).
        case machine
    }

    public var kind: Kind
    public var message: String

    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = Self.oneLine(message)
    }

    public var description: String { message }

    /// As it can stand in a log: what it quotes may hold anything. Control characters become `?`, the end of a long one `…`.
    public static func oneLine(_ text: String, longest: Int = 1000) -> String {
        if text.utf8.count <= longest, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) { return text }
        let clean = text.unicodeScalars.prefix(longest).map { $0.value < 0x20 || $0.value == 0x7f ? "?" : String($0) }
        return clean.joined() + (text.unicodeScalars.count > longest ? "…" : "")
    }

    /// Bad input, at a JSON path like `network.nics.0.mtu`.
    public static func badInput(_ path: String, _ message: String) -> Failure {
        Failure(.badInput, path.isEmpty ? message : "\(path): \(message)")
    }
}
