/// An OCI runtime's command line, as engines write it (runc(8)): global options, a verb, its options, the container's id.
///
/// Options come as `--bundle X`, `--bundle=X` or `-b X`. What is not understood here is left for the real runtime.
public struct RuntimeCommandLine: Sendable, Equatable {
    /// All arguments, unchanged, without the program's name.
    public var arguments: [String]
    /// The options before the verb, with their values, as given.
    public var globalArguments: [String] = []
    public var verb: String?
    /// `--log` and `--log-format`: where engines read an error from.
    public var log: String?
    public var logFormat: String?
    public var id: String?
    public var bundle: String?
    public var force = false

    public init(arguments: [String]) {
        self.arguments = arguments
        var rest = arguments[...]
        while let argument = rest.first, argument.hasPrefix("-"), argument != "-", argument != "--" {
            let option = Self.takeOption(&rest, valued: Self.valuedGlobals)
            globalArguments += option.given
            switch option.name {
            case "log": log = option.value
            case "log-format": logFormat = option.value
            default: break
            }
        }
        verb = rest.popFirst()
        parseVerb(rest)
    }

    private mutating func parseVerb(_ arguments: ArraySlice<String>) {
        var rest = arguments
        let valued = Self.valuedOptions[verb ?? ""] ?? []
        while let argument = rest.first {
            if argument == "--" {
                rest = rest.dropFirst()
                if id == nil { id = rest.first }
                return
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                if id == nil { id = argument }
                // After exec's id stands the command, which may look like options.
                if verb == "exec" { return }
                rest = rest.dropFirst()
                continue
            }
            let option = Self.takeOption(&rest, valued: valued)
            switch option.name {
            case "bundle", "b": bundle = option.value
            case "force", "f": force = option.value.map { $0 == "true" } ?? true
            default: break
            }
        }
    }

    private struct Option {
        var name: String
        var value: String?
        var given: [String]
    }

    private static func takeOption(_ rest: inout ArraySlice<String>, valued: Set<String>) -> Option {
        let first = rest.removeFirst()
        let text = first.drop { $0 == "-" }
        if let equals = text.firstIndex(of: "=") {
            let value = String(text[text.index(after: equals)...])
            return Option(name: String(text[..<equals]), value: value, given: [first])
        }
        let name = String(text)
        guard valued.contains(name), let value = rest.popFirst() else { return Option(name: name, given: [first]) }
        return Option(name: name, value: value, given: [first, value])
    }

    /// Options with a value, of runc and crun.
    private static let valuedGlobals: Set<String> = [
        "root", "log", "log-format", "log-level", "rootless", "criu", "cgroup-manager",
    ]
    private static let valuedOptions: [String: Set<String>] = [
        "create": ["bundle", "b", "console-socket", "pid-file", "pidfd-socket", "preserve-fds", "config", "f"],
        "run": ["bundle", "b", "console-socket", "pid-file", "pidfd-socket", "preserve-fds", "config", "f"],
        "exec": [
            "console-socket", "cwd", "env", "e", "user", "u", "additional-gids", "g", "process", "p", "pid-file",
            "process-label", "apparmor", "cap", "c", "preserve-fds", "pidfd-socket", "cgroup",
        ],
        "update": ["resources", "r"], "ps": ["format", "f"], "restore": ["bundle", "b", "image-path", "work-path"],
    ]
}
