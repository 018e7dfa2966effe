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
    /// `--root`: where the real runtime keeps its containers.
    public var root: String?
    /// The verb's options, in their order.
    public var options: [Option] = []
    public var id: String?
    /// exec's, after the id.
    public var command: [String] = []
    public var bundle: String? { options.last { ["bundle", "b"].contains($0.name) }?.value }
    public var force: Bool {
        options.last { ["force", "f"].contains($0.name) }.map { $0.value.map { $0 == "true" } ?? true } ?? false
    }

    /// An option without its dashes, and the arguments that it came as.
    public struct Option: Sendable, Equatable {
        public var name: String
        public var value: String?
        public var given: [String]
    }

    public init(arguments: [String]) {
        self.arguments = arguments
        var rest = arguments[...]
        while let argument = rest.first, argument.hasPrefix("-"), argument != "-", argument != "--" {
            let option = Self.takeOption(&rest, valued: Self.valuedGlobals)
            globalArguments += option.given
            switch option.name {
            case "log": log = option.value
            case "log-format": logFormat = option.value
            case "root": root = option.value
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
                if id == nil { id = rest.popFirst() }
                command = Array(rest)
                return
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                rest = rest.dropFirst()
                if id == nil { id = argument }
                // After exec's id stands the command, which may look like options.
                if verb == "exec" {
                    command = Array(rest.first == "--" ? rest.dropFirst() : rest)
                    return
                }
                continue
            }
            options.append(Self.takeOption(&rest, valued: valued))
        }
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
