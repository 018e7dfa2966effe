import Linux

/// A verb that says what it would do: its own code runs, and where that would change something, a command of the
/// shell is written down instead. What is asked of the kernel later is answered as if the command had been run.
///
/// For one thread, and one network namespace.
public final class DryRun: @unchecked Sendable {
    @TaskLocal public static var current: DryRun?

    /// Commands for sh(1), in order; one may be several lines of text.
    public private(set) var commands: [String] = []
    private let netns: String?
    private var tables: NetworkTables?
    /// Settings under /proc/sys, by their paths.
    private var settings: [String: String] = [:]

    /// `netns`: the namespace's path, where the commands must enter one.
    public init(netns: String? = nil) { self.netns = netns }

    /// All commands as one script.
    public var text: [UInt8] { [UInt8](commands.map { "\($0)\n" }.joined().utf8) }

    @discardableResult
    public func run<T>(_ body: () throws -> T) rethrows -> T { try Self.$current.withValue(self, operation: body) }

    /// As if `body` had been done before: its commands are not written down.
    @discardableResult
    public func assume<T>(_ body: () throws -> T) rethrows -> T {
        let before = commands
        defer { commands = before }
        return try run(body)
    }

    // MARK: what changes

    /// A command in the namespace, with `input` as its stdin.
    public func add(_ words: [String], input: String? = nil) {
        commands.append(Shell.line(entering(words)) + (input.map(Shell.here) ?? ""))
    }

    /// A command about the host's files, which are the same in every network namespace; `output` names its stdout, and
    /// `input` is its stdin.
    public func addOutside(_ words: [String], output: String? = nil, input: String? = nil) {
        commands.append(
            Shell.line(words) + (output.map { " >\(Shell.quoted($0))" } ?? "") + (input.map(Shell.here) ?? ""))
    }

    /// A tap: made by ioctl(2), not by netlink.
    public func addTap(_ name: String, owner: UInt32, settings: TunSettings) {
        add(["ip", "tuntap", "add", "dev", name, "mode", "tap", "user", "\(owner)", "vnet_hdr"])
        tables?.add(Link(index: 0, name: name, kind: "tun", tun: settings))
    }

    /// What is as wanted already needs no command.
    func record(_ equivalent: NetlinkRequest.Equivalent, on netlink: NetlinkSocket) throws {
        let before = try tables(of: netlink)
        var after = before
        if let effect = equivalent.effect {
            effect(&after)
            if after == before { return }
        }
        add(equivalent.words(before))
        tables = after
    }

    /// sysctl(8) takes a name with dots only between slashes.
    public func set(_ path: String, to value: String) {
        let parts = path.dropFirst("/proc/sys/".count).split(separator: "/")
        let separator = parts.contains { $0.contains(".") } ? "/" : "."
        add(["sysctl", "-qw", "\(parts.joined(separator: separator))=\(value)"])
        settings[path] = value
        if parts.last == "disable_ipv6", value == "1" {
            let index = tables?.links.first { parts.dropLast().last.map(String.init) == $0.name }?.index
            if let index { tables?.turnOffIPv6(index) }
        }
    }

    // MARK: what is asked

    func tables(of netlink: NetlinkSocket) throws -> NetworkTables {
        let tables = try tables ?? NetworkTables(netlink)
        self.tables = tables
        return tables
    }

    /// What was set; a link that is not there yet begins as `default` says. nil: ask the kernel.
    public func setting(_ path: String) throws -> String? {
        if let value = settings[path] { return value }
        guard !Files.exists(path) else { return nil }
        // /proc/sys/net/ipv6/conf/LINK/KEY
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 8, tables?.links.contains(where: { $0.name == parts[6] }) == true else { return nil }
        parts[6] = "default"
        let base = parts.joined(separator: "/")
        return Files.exists(base) ? try Files.readText(base) : nil
    }

    private func entering(_ words: [String]) -> [String] {
        guard let netns else { return words }
        let parts = netns.split(separator: "/").map(String.init)
        guard parts.dropLast() == ["run", "netns"], let name = parts.last, ["ip", "bridge", "tc"].contains(words[0])
        else { return ["nsenter", "--net=\(netns)"] + words }
        return [words[0], "-n", name] + words.dropFirst()
    }
}

/// Text for sh(1).
enum Shell {
    static func line(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

    static func quoted(_ word: String) -> String {
        let isPlain = word.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || "_./:=,@%+-".utf8.contains(byte)
        }
        return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
    }

    /// A here-document that nothing is expanded in; its end is a word that no line of the text is.
    static func here(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var end = "EOF"
        while lines.contains(Substring(end)) { end += "_" }
        return " <<'\(end)'\n\(text.hasSuffix("\n") ? text : text + "\n")\(end)"
    }
}
