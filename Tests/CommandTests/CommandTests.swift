import Foundation
import OCI
import Testing

/// The built binary, run as a user runs it.
enum Tool {
    static let path = Bundle(for: Marker.self).bundleURL.appending(path: "runcvm").path
    private final class Marker {}

    struct Outcome {
        var status: Int32
        var output: String
        var errors: String
    }

    static func run(_ arguments: [String], input: String = "", name: String? = nil) throws -> Outcome {
        let process = Process()
        var arguments = arguments
        if let name {
            // Under another name, through a link: multicall.
            process.executableURL = URL(filePath: "/bin/bash")
            arguments = ["-c", "exec -a \"$0\" \"$@\"", name, path] + arguments
        } else {
            process.executableURL = URL(filePath: path)
        }
        process.arguments = arguments
        let pipes = [Pipe(), Pipe(), Pipe()]
        (process.standardInput, process.standardOutput, process.standardError) = (pipes[0], pipes[1], pipes[2])
        try process.run()
        try? pipes[0].fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try? pipes[0].fileHandleForWriting.close()
        let output = try pipes[1].fileHandleForReading.readToEnd() ?? Data()
        let errors = try pipes[2].fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: String(decoding: output, as: UTF8.self),
            errors: String(decoding: errors, as: UTF8.self))
    }

    static let facts =
        #"{"container":{"id":"c"},"links":[{"name":"eth0","kind":"veth","mac":"02:42:ac:11:00:02","addresses":["172.17.0.2/16"]}]}"#
}

@Suite("the command line")
struct CommandTests {
    @Test(
        "a verb is also a program by its own name",
        arguments: ["runcvm-net-plan", "net-plan", "/usr/bin/runcvm-net-plan"])
    func multicall(_ name: String) throws {
        let outcome = try Tool.run(["--facts", "-"], input: Tool.facts, name: name)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains(#""alias":"172.17.255.254/16""#))
    }

    @Test("net-plan writes one sorted line, and what nobody knows goes through the pipe")
    func document() throws {
        let plan = try Tool.run(["net-plan", "--facts", "-"], input: Tool.facts)
        #expect(plan.output.hasSuffix("\n") && plan.output.filter { $0 == "\n" }.count == 1)
        let extended = plan.output.replacing(#"{"container""#, with: #"{"x-ours":{"a":[1]},"container""#)
        let passed = try Tool.run(["nat-enable"], input: extended)
        #expect(passed.status == 0)
        #expect(passed.output.contains(#""x-ours":{"a":[1]}"#))
    }

    @Test(
        "a verb that has nothing to do passes the document through as it is",
        arguments: ["tap-create", "bridge-alias", "nat-enable", "nat-disable", "bridge-restore", "tap-delete"])
    func nothing(_ verb: String) throws {
        let plan = try Tool.run(["net-plan", "--facts", "-"], input: #"{"container":{"id":"c"},"links":[]}"#)
        let passed = try Tool.run([verb], input: plan.output)
        #expect(passed.status == 0, "\(passed.errors)")
        #expect(passed.output == plan.output)
    }

    static let faults: [(verb: [String], input: String, status: Int32, words: String)] = [
        (["net-plan", "--facts", "/nonexistent"], "", 66, "/nonexistent"),
        (["net-plan", "--facts", "-"], "{}", 65, "links: missing"),
        (["net-plan"], #"{"id":"x","pid":0}"#, 65, "state.pid"),
        (["net-plan"], #"{"id":"../x","pid":1}"#, 65, "state.id"),
        (["net-plan"], #"{"id":"x","pid":999999999,"bundle":"/"}"#, 66, "999999999"),
        (["net-plan", "--netns", "/run/netns/nowhere"], "", 66, "/run/netns/nowhere"),
        (["tap-create"], "", 65, "empty"),
        (["tap-create"], "{}", 65, "version: missing"),
        (["tap-create"], #"{"version":2}"#, 65, "version: 2 is not 1"),
        (["bridge-alias"], #"{"version":1,"container":{"id":"x"}}"#, 65, "network: missing"),
        (["nat-enable"], "[1]", 65, "not an object"),
        (["fc-boot", "/nonexistent.json"], "", 66, "/nonexistent.json"),
        (["fc-boot", "/dev/stdin"], vm(firecracker: "/nonexistent"), 125, "/nonexistent"),
        (["oci-adapt", "--id", "x", "--bundle", "/nonexistent"], "", 66, "bundle /nonexistent"),
        (["oci-adapt", "--id", "a/b", "--bundle", "/tmp"], "", 65, "container.id"),
        (["oci-adapt", "--id", "x"], "not json", 65, "not JSON"),
        (["guest-init"], "", 64, "PID 1"),
        (["rootfs-build", "--output", "/tmp/x.erofs", "/nonexistent"], "", 66, "/nonexistent"),
        (["tap-create", "--colour"], "", 64, "--colour"),
        (["no-such-verb"], "", 64, "unknown verb 'no-such-verb'; see runcvm --help"),
        (["net-paln"], "", 64, "unknown verb 'net-paln'; did you mean net-plan?"),
        (["create-tap"], "", 64, "did you mean tap-create?"),
        (["bridge-alais", "--netns", "x"], "", 64, "did you mean bridge-alias?"),
        (["runtime", "create"], "", 64, "id"),
    ]

    /// A document whose Firecracker is not there.
    static func vm(firecracker: String) -> String {
        #"{"version":1,"container":{"id":"x"},"machine":{"id":"x","vcpus":1,"memory":128,"config":"/c","# + "\n"
            + #""firecracker":"\#(firecracker)","directory":"\#(NSTemporaryDirectory())runcvm-vm-x","terminal":false}}"#
    }

    @Test("bad input: one line that names it, the documented exit code, nothing on stdout", arguments: faults.indices)
    func fault(_ index: Int) throws {
        let fault = Self.faults[index]
        let outcome = try Tool.run(fault.verb, input: fault.input)
        #expect(outcome.status == fault.status, "\(fault.verb): \(outcome.errors)")
        #expect(outcome.errors.contains(fault.words), "\(outcome.errors)")
        #expect(outcome.errors.filter { $0 == "\n" }.count == 1, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
    }

    @Test(
        "a config.json that is none is a fault of the bundle, and nothing is left",
        arguments: [("nonsense", "not JSON"), ("{}", "process.args"), (#"{"process":{"cwd":"/"}}"#, "process.args")])
    func badBundle(_ config: (text: String, words: String)) throws {
        let bundle = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: bundle) }
        try FileManager.default.createDirectory(at: bundle, withIntermediateDirectories: true)
        try config.text.write(to: bundle.appending(path: "config.json"), atomically: true, encoding: .utf8)
        let outcome = try Tool.run(["runtime", "create", "--bundle", bundle.path, "bad-bundle"])
        #expect(outcome.status == 65, "\(outcome.errors)")
        #expect(outcome.errors.contains(config.words), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: "/run/runcvm/bad-bundle"))
        #expect(try String(contentsOf: bundle.appending(path: "config.json"), encoding: .utf8) == config.text)
    }

    @Test("the runtime writes the same message to its JSON log")
    func runtimeLog() throws {
        let log = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: log) }
        let outcome = try Tool.run(
            [
                "runtime", "--root", "/tmp/r", "--log", log, "--log-format", "json", "create", "--bundle",
                "/nonexistent", "x",
            ])
        #expect(outcome.status == 66)
        let line = try JSONValue(parsing: [UInt8](Data(contentsOf: URL(filePath: log))), subject: "log")
        #expect(line["level"] == "error")
        #expect(line["msg"] == "runcvm: bundle /nonexistent: no such folder")
        #expect(outcome.errors.contains("bundle /nonexistent: no such folder"))
        #expect(!FileManager.default.fileExists(atPath: "/run/runcvm/x"))
    }
}
