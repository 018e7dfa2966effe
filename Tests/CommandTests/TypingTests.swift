import Foundation
import Linux
import Testing

@Suite("what is typed at a terminal")
struct TypingTests {
    /// Runs a verb with a terminal as its stdin, at which nobody types.
    private func run(_ arguments: [String]) throws -> Tool.Outcome {
        let terminal = try Terminal.open()
        let output = try Descriptor.memory(name: "stdout")
        let errors = try Descriptor.memory(name: "stderr")
        let pid = try ChildProcess(Tool.path, arguments).start(
            redirecting: [(terminal.terminal, 0), (output, 1), (errors, 2)])
        let status = try ChildProcess.wait(for: pid)
        return Tool.Outcome(
            status: Int32(status), output: String(decoding: try output.readFromStart(), as: UTF8.self),
            errors: String(decoding: try errors.readFromStart(), as: UTF8.self))
    }

    static let missingPipes: [(arguments: [String], pipe: String)] = [
        (["net-plan"], #"wants an OCI state on stdin, which is a terminal; as in: echo '{"id":"web""#),
        (["net-plan", "--facts", "-"], "wants facts on stdin, which is a terminal"),
        (["tap-create"], "as in: runcvm net-plan --netns /run/netns/web | runcvm tap-create"),
        (["tap-delete"], "as in: runcvm tap-delete < /run/runcvm/ID/state.json"),
        (["bridge-alias"], "| runcvm tap-create | runcvm bridge-alias"),
        (["bridge-restore"], "as in: runcvm bridge-restore < /run/runcvm/ID/state.json"),
        (["nat-enable"], "| runcvm tap-create | runcvm nat-enable"),
        (["nat-disable"], "as in: runcvm nat-disable < /run/runcvm/ID/state.json"),
        (["fc-config"], "| runcvm bridge-alias | runcvm fc-config --kernel vmlinux"),
        (["state-save"], "| runcvm state-save"),
        (["state-load"], #"as in: echo '{"id":"web"}' | runcvm state-load"#),
        (["state-delete"], "| runcvm state-delete"),
        (["oci-adapt", "--id", "x"], "wants a config.json on stdin, which is a terminal"),
    ]

    @Test(
        "a verb whose pipe is missing says at once what it reads, and shows the pipe", arguments: missingPipes.indices)
    func missingPipe(_ index: Int) throws {
        let (arguments, pipe) = Self.missingPipes[index]
        let outcome = try run(arguments)
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains(pipe), "\(outcome.errors)")
        #expect(outcome.errors.filter { $0 == "\n" }.count == 1)
        #expect(outcome.output.isEmpty)
    }

    @Test("--version says the number, and the commit where the build knew it")
    func version() throws {
        let outcome = try Tool.run(["--version"])
        #expect(outcome.output.wholeMatch(of: /runcvm [0-9.]+( \([0-9a-f]{7,}(-dirty)?\))?\n/) != nil)
    }
}
