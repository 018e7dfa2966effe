import Glibc
import HostNetwork

/// Our own variables (environ(7)).
enum ProcessEnvironment {
    static var all: [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            if let equals = strchr(entry, CInt(UInt8(ascii: "="))) {
                let name = UnsafeRawBufferPointer(start: entry, count: equals - entry)
                variables[String(decoding: name, as: UTF8.self)] = String(cString: equals + 1)
            }
            next += 1
        }
        return variables
    }

    /// Where external programs are looked for.
    static var path: String { getenv("PATH").map { String(cString: $0) } ?? BridgeSetup.defaultPath }
}
