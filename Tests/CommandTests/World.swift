import Foundation
import Testing

/// A machine of one's own: a mount, pid and network namespace and a /run, where a container's namespace `web` is made.
enum World {
    /// Runs a script by bash; `$runcvm` is the built binary. Returns what it says on stdout.
    @discardableResult
    static func run(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        let world = """
            mount -t tmpfs none /run; ip netns add web
            ip link add w0 type veth peer name eth0 address 02:42:ac:11:00:02 netns web
            ip -n web address add 172.17.0.2/16 dev eth0; ip -n web link set eth0 up
            ip -n web route add default via 172.17.0.1; ip link set w0 up
            """
        // What the script leaves running ends with it, the first process of a pid namespace.
        process.arguments = [
            "-mnpf", "--kill-child", "--mount-proc", "bash", "-euo", "pipefail", "-c", "\(world)\n\(script)",
        ]
        process.environment = ["runcvm": Tool.path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)", sourceLocation: sourceLocation)
        return text
    }
}
