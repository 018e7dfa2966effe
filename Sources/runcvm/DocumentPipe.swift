import Glibc
import Linux
import OCI
import Plan

/// stdin and stdout of a verb: a document comes in, a document goes out.
enum DocumentPipe {
    /// The document on stdin. On a terminal nobody writes one: say what is wanted instead of waiting.
    static func read(verb: String) throws -> VMState {
        try VMState(parsing: try readText(verb: verb, wanted: "a document"), subject: "document on stdin")
    }

    static func readText(verb: String, wanted: String) throws -> [UInt8] {
        guard isatty(0) == 0 else {
            let remedy = Examples.pipe(into: verb).map { "as in: \($0)" } ?? "see runcvm \(verb) --help"
            throw Failure(.usage, "wants \(wanted) on stdin, which is a terminal; \(remedy)")
        }
        return try Descriptor(owning: dup(0), name: "stdin").readAll(limit: JSONValue.largestDocument + 1)
    }

    /// The document and its end: the next verb need not wait until the kernel has taken this process apart.
    static func write(_ state: VMState) throws {
        try Descriptor(owning: 1, name: "stdout").writeAll(state.serialized())
    }

    static func writeText(_ bytes: [UInt8]) throws {
        try Descriptor(owning: dup(1), name: "stdout").writeAll(bytes)
    }
}
