import ArgumentParser
import Firecracker
import Glibc
import Linux
import OCI

struct RuntimeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runtime",
        abstract: "Be an OCI runtime: runc's command line, with containers as microVMs.",
        discussion: """
            Engines call it by its other name, runcvm-runtime. create, start, exec and delete are ours; all else is crun's or
            runc's, found on PATH or named by RUNCVM_OCI_RUNTIME. /etc/docker/daemon.json has
            {"runtimes": {"runcvm": {"path": "/usr/bin/runcvm-runtime"}}}, and then:

              docker run --rm --runtime=runcvm IMAGE uname -r
            """)

    @Argument(parsing: .captureForPassthrough, help: "As for runc.")
    var arguments: [String] = []

    func run() throws {
        if arguments == ["--help"] || arguments == ["-h"] { throw CleanExit.helpRequest(self) }
        umask(0o022)
        let line = RuntimeCommandLine(arguments: arguments)
        do {
            throw ExitCode(CInt(try Runtime(line, environment: ProcessEnvironment.all).run()))
        } catch let error where !(error is ExitCode) {
            // What `docker run` shows is the last error in the log; a log that cannot be written leaves stderr.
            try? line.log("\(error)", .error)
            throw error
        }
    }
}

extension RuntimeCommandLine {
    /// Appends to the engine's log, where it has one.
    func log(_ message: String, _ level: RuntimeLog.Level) throws {
        guard let log else { return }
        let name = message.hasPrefix("runcvm ") ? "" : "runcvm: "
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
        let stamp = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let line = try RuntimeLog.line(name + message, level, format: logFormat, time: stamp)
        try Descriptor(opening: log, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644).writeAll(line)
    }
}
