import ArgumentParser
import Foundation
import Testing

@testable import runcvm

/// The worked examples of every verb's --help.
@Suite("examples")
struct ExamplesTests {
    static let verbs = Runcvm.configuration.subcommands.compactMap { $0.configuration.commandName }
    static let all = verbs.flatMap { verb in Examples.all(of: verb).map { (verb: verb, line: $0) } }

    @Test(
        "every verb has one that names it, on lines that a terminal of 80 columns shows as they are", arguments: verbs)
    func present(_ verb: String) throws {
        let examples = Examples.all(of: verb)
        // What only a kernel or an engine calls is shown by what makes it do so.
        let callers = ["guest-init": "runcvm fc-boot", "runtime": "docker run", "fc-stop": "runcvm stop"]
        #expect(
            examples.contains {
                $0.contains(callers[verb] ?? "runcvm \(verb)")
            })
        let help = try Tool.run([verb, "--help"]).output
        for line in help.split(separator: "\n") where line.hasPrefix("  ") && line.contains("runcvm \(verb)") {
            #expect(line.count <= 80, "\(line)")
        }
        for line in Self.discussion(of: verb).split(separator: "\n") where line.hasPrefix("  ") {
            #expect(line.count <= 80, "\(line)")
            #expect(help.contains(line), "\(line)")
        }
    }

    private static func discussion(of verb: String) -> String {
        Runcvm.configuration.subcommands.first { $0.configuration.commandName == verb }?.configuration.discussion ?? ""
    }

    @Test("every command line of ours in an example is one that the verb takes")
    func parse() throws {
        var count = 0
        for example in Self.all {
            for words in Self.commands(in: example.line) {
                count += 1
                #expect(throws: Never.self, "\(words)") { try Runcvm.parseAsRoot(words) }
            }
        }
        #expect(count > 50)
    }

    /// The arguments of each `runcvm …` in a line of shell: what stands between | && ; and quotes, without redirections.
    static func commands(in line: String) -> [[String]] {
        var line = line
        while let start = line.firstRange(of: "$("), let end = line[start.upperBound...].firstIndex(of: ")") {
            line.replaceSubrange(start.lowerBound...end, with: "x")
        }
        var (commands, words, word, quote): ([[String]], [String], String, Character?) = ([], [], "", nil)
        var wasQuoted = false
        func endWord() {
            if !word.isEmpty || wasQuoted { words.append(word) }
            (word, wasQuoted) = ("", false)
        }
        func endCommand() {
            endWord()
            if let redirection = words.firstIndex(where: { $0 == "<" || $0 == ">" }) {
                words.removeSubrange(redirection...)
            }
            if words.first == "runcvm" { commands.append(Array(words.dropFirst())) }
            words = []
        }
        for character in line {
            switch (character, quote) {
            case (let mark, let open?) where mark == open: quote = nil
            case (_, .some): word.append(character)
            case ("'", nil), ("\"", nil): (quote, wasQuoted) = (character, true)
            case ("|", nil), ("&", nil), (";", nil): endCommand()
            case (" ", nil): endWord()
            default: word.append(character)
            }
        }
        endCommand()
        return commands
    }

    /// These need a kernel that boots: the lab's tests run them, with others' names.
    static let elsewhere = [
        "docker run", "fc-boot", "vm-exec", "vm-connect", "guest-session", "Exec", "oci-adapt", "runcvm doctor",
    ]
    static let here = all.filter { example in !elsewhere.contains { example.line.contains($0) } }

    /// The world of the examples: their files, a container's process in the namespace `web`, a VM `web` whose Firecracker
    /// is a script, and programs of others by names that say what they were given.
    static let world = #"""
        mkdir -p /run/bin /run/web /run/ex/rootfs/bin; cd /run/ex; mount -t tmpfs none /var/lib; mkdir -p /var/lib/docker/overlay2/{TOP,BASE}/diff
        runcvm() { "$runcvm" "$@"; }
        ln -s "$runcvm" /run/bin/runcvm
        printf '#!/bin/sh\necho web\n' >/run/bin/docker; printf '#!/bin/sh\ncat\n' | tee /run/bin/dot >/run/bin/man; mkfifo /run/never
        printf '#!/bin/sh\necho word\nread x </run/never\n' >/run/bin/firecracker; chmod +x /run/bin/*
        export PATH=/run/bin:$PATH RUNCVM_FIRECRACKER=/run/bin/firecracker RUNCVM_INITRD=/run/ex/vmlinux RUNCVM_KERNEL=/run/ex/vmlinux
        echo '{"process":{"cwd":"/","user":{"uid":0,"gid":0},"args":["x"],"env":[]}}' >/run/web/config.json
        nsenter --net=/run/netns/web sleep 1000 & container=$!
        echo '{"container":{"id":"c"},"links":[{"name":"eth0","kind":"veth","mac":"02:42:ac:11:00:02","addresses":["172.17.0.2/16"]}]}' >report.json
        touch vmlinux; mke2fs -q -t ext4 disk.ext4 4M 2>/dev/null >&2; cp "$runcvm" rootfs/bin/
        echo "{\"id\":\"web\",\"pid\":$container,\"bundle\":\"/run/web\"}" >state.json
        runcvm schema facts >facts.schema.json
        runcvm net-plan --netns /run/netns/web --id ID | tee plan.json network.json | runcvm state-save >/dev/null
        runcvm net-plan --netns /run/netns/web | runcvm fc-config --kernel vmlinux --rootfs disk.ext4 >vm.json
        # Without the taps, which examples make.
        jq -c '.network.nics = []' vm.json >boot.json; "$runcvm" fc-boot boot.json </dev/null >/dev/null 2>&1 & boot=$!
        until grep -qs word /run/runcvm/web/vm/console.log; do sleep 0.05; done
        """#

    @Test(
        "every example that needs no kernel of its own runs as it stands", .enabled(if: geteuid() == 0, "needs root"),
        arguments: here.indices)
    func run(_ index: Int) throws {
        let example = Self.here[index]
        // A made network is what the verbs of the undo and of looking begin with.
        let isMade = ["restore", "delete", "net-check"].contains { example.verb.contains($0) }
        let make = isMade ? "runcvm tap-create <plan.json | runcvm bridge-alias >x; mv x /run/runcvm/ID/state.json" : ""
        let line = example.line.replacing("4242", with: "'$container'")
        // --follow ends with the VM; its process takes no signal.
        let after = line.contains("--follow") ? "& sleep 0.3; kill -9 $boot; wait $!" : ""
        let text = try World.run(
            """
            \(Self.world)
            \(make)
            \(line.replacing("--time 30", with: "--time 0").replacing("stop web", with: "stop --time 0 web")) \(after) || echo EXAMPLE FAILED $?
            kill -9 $container $boot 2>/dev/null || true
            """)
        #expect(!text.contains("EXAMPLE FAILED"), "\(example.line)\n\(text)")
    }

    @Test("the manual of every verb is roff that man(1) takes without a word, with the text of --help")
    func manual() throws {
        let text = try World.run(
            """
            export LC_ALL=C.UTF-8
            for verb in '' $($runcvm manual --list); do
                $runcvm manual $verb >page
                man --warnings=w -l page 2>&1 >text | sed "s/^/$verb: /"
                grep -q 'SEE ALSO' text; grep -q "runcvm" text
            done
            man -l page | cat; $runcvm manual net-plan | MANWIDTH=200 man -l - | cat
            """.replacing("page", with: "/run/page").replacing("text", with: "/run/text"))
        #expect(!text.contains("warning"), "\(text)")
        #expect(
            text.contains("runcvm-net-plan - Plan a VM's network from a container's, and begin the document."),
            "\(text)")
        #expect(text.contains("runcvm net-plan [--netns netns] [--facts facts] [--id id]"), "\(text)")
        #expect(text.contains(#"echo '{"id":"web","pid":4242,"bundle":"/run/web"}' | runcvm net-plan"#), "\(text)")
    }

    @Test("bash completes verbs and options")
    func completion() throws {
        let script = try Tool.run(["--generate-completion-script", "bash"]).output
        let file = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data(script.utf8).write(to: URL(filePath: file))
        func complete(_ words: [String]) throws -> String {
            let process = Process()
            process.executableURL = URL(filePath: "/bin/bash")
            let line = words.joined(separator: " ")
            process.arguments = [
                "-c",
                """
                set +u; source \(file); COMP_WORDS=(\(line)); COMP_CWORD=\(words.count - 1); COMP_LINE='\(line)'; COMP_POINT=\(line.count)
                _runcvm runcvm \(words.last ?? "") \(words.dropLast().last ?? ""); printf '%s\\n' "${COMPREPLY[@]}"
                """,
            ]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            return text
        }
        let verbs = Set(
            try complete(["runcvm", "net-"]).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) })
        #expect(verbs == ["net-plan", "net-draw", "net-check"])
        #expect(try complete(["runcvm", "tap-create", "--ow"]).contains("--owner"))
    }
}
