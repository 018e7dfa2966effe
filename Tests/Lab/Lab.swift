import Foundation
import Testing

/// The lab VMs: real Docker, real KVM, real Firecracker. scripts/test starts them; each test has one of them for itself, in
/// which its commands run.
enum Lab {
    /// $RUNCVM_LAB of the labs that run.
    static let running = ["", "2"].filter { (try? execute([script, "status"], lab: $0))?.status == 0 }
    /// The running test's.
    @TaskLocal static var name = ""

    struct Outcome {
        var status: Int32
        var output: [UInt8]
        var errors: String
        var text: String { String(decoding: output, as: UTF8.self) }
        var lines: [String] { text.split(separator: "\n").map(String.init) }
    }

    static let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../scripts/lab")
        .standardized.path

    /// Runs the script that is its argument for five minutes at most; shortly before, all processes are written down.
    private static let limited = #"""
        timeout -k 5 300 bash -c "$0" <&0 & script=$!
        (timeout 290 tail --pid=$script -f /dev/null ||
            ps -eo pid,ppid,etime,stat,wchan:24,args >/tmp/late) </dev/null >/dev/null 2>&1 &
        wait $script
        """#

    /// What the lab's processes did, and what the VMs do at the moment: their consoles, what their containers have said,
    /// whether their processors run, wait or sleep (state, ticks in user and in kernel mode, twice), and what their taps
    /// have carried.
    private static let stuck = """
        grep -v '\\]$' /tmp/late
        tail -n 20 /run/runcvm/*/vm/console.log; ls -l /run/runcvm/*/vm
        for id in $(docker ps -q); do echo "logs of $id:"; docker logs --tail 20 $id 2>&1; done
        threads() { for t in /proc/[0-9]*/task/*; do
            read -r name 2>/dev/null <$t/comm && case $name in fc_*|firecracker) ;; *) continue ;; esac
            echo "$name $(cut -d' ' -f3,14,15 $t/stat) $(cat $t/wchan)"; done; }
        threads; sleep 2; threads
        ip -s link | grep -A 5 tap; for id in $(docker ps -q); do
            nsenter -t $(docker inspect -f '{{.State.Pid}}' $id) -n ip -s link | grep -A 5 tap; done
        """

    /// Runs a shell script in the lab, with input on its stdin. Its exit status, output and errors come back as they are.
    /// One that takes longer than five minutes is ended, and what the VMs do then is an issue of the test's.
    @discardableResult
    static func run(_ script: String, input: [UInt8] = []) throws -> Outcome {
        let outcome = try execute(
            [Self.script, "run", "bash", "-c", limited, script], input: input)
        if outcome.status == 124 {
            Issue.record(
                "more than five minutes: \(script)\n\(try execute([Self.script, "run", "sh", "-c", stuck]).text)")
            _ = try execute([Self.script, "run", "sh", "-c", "docker ps -q | xargs -r docker rm -f"])
        }
        return outcome
    }

    /// Runs a script that must succeed. Returns its output without the last line feed.
    @discardableResult
    static func sh(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let outcome = try run(script)
        if outcome.status != 0 {
            Issue.record(
                "exit \(outcome.status): \(script)\n\(outcome.text)\(outcome.errors)", sourceLocation: sourceLocation)
        }
        return outcome.text.hasSuffix("\n") ? String(outcome.text.dropLast()) : outcome.text
    }

    /// `docker run --runtime=runcvm`, with these options, image and command.
    static func docker(_ arguments: String, input: [UInt8] = []) throws -> Outcome {
        try run("docker run --rm --runtime=runcvm -e RUNCVM_HYPERVISOR=firecracker \(arguments)", input: input)
    }

    /// What is there of links, namespaces, processes, mounts and files of ours.
    static func traces() throws -> String {
        try sh(
            """
            ip -o link | sed 's/^[0-9]*: //; s/@.*//; s/:.*//' | grep -v '^veth' | sort
            pgrep -a 'firecracker|runcvm' || true
            grep runcvm /proc/mounts || true
            ls /run/runcvm 2>/dev/null || true
            """)
    }

    private static func execute(_ command: [String], input: [UInt8] = [], lab: String = Lab.name) throws -> Outcome {
        // Files, not pipes: nobody has to drain them while the command runs.
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = ["in", "out", "err"].map { folder.appending(path: $0) }
        try Data(input).write(to: files[0])
        for file in files.dropFirst() { try Data().write(to: file) }
        let process = Process()
        // ssh closes the descriptor by whose end Process learns of a program's, and Process then waits for that program alone,
        // whichever other has ended: a shell keeps it open.
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", #""$@"; exit $?"#, "sh"] + command
        process.environment = ProcessInfo.processInfo.environment.merging(["RUNCVM_LAB": lab]) { $1 }
        process.standardInput = try FileHandle(forReadingFrom: files[0])
        process.standardOutput = try FileHandle(forWritingTo: files[1])
        process.standardError = try FileHandle(forWritingTo: files[2])
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: [UInt8](try Data(contentsOf: files[1])),
            errors: String(decoding: try Data(contentsOf: files[2]), as: UTF8.self))
    }
}

/// The labs that no test has at the moment.
actor FreeLabs {
    static let shared = FreeLabs()
    private var free = Lab.running
    private var waiting: [CheckedContinuation<String, Never>] = []

    func take() async -> String {
        if let name = free.popLast() { return name }
        return await withCheckedContinuation { waiting.append($0) }
    }

    func giveBack(_ name: String) {
        if waiting.isEmpty { free.append(name) } else { waiting.removeFirst().resume(returning: name) }
    }
}

/// Gives each test a lab. The time that the test is said to take includes waiting for one, so its own is printed.
struct LabTrait: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        let name = await FreeLabs.shared.take()
        let clock = ContinuousClock()
        let start = clock.now
        let result = await Lab.$name.withValue(name) {
            do { return Result<Void, any Error>.success(try await body()) } catch { return .failure(error) }
        }
        print("↳ \(clock.now - start) in lab \(name.isEmpty ? "1" : name): \(test.displayName ?? test.name)")
        await FreeLabs.shared.giveBack(name)
        try result.get()
    }
}

@Suite(
    "in the lab", .enabled(if: !Lab.running.isEmpty, "needs the lab: run scripts/test, or scripts/lab start"),
    LabTrait())
struct LabTests {}
