import OCI
import Testing

@Suite("a runtime's command line")
struct RuntimeCommandLineTests {
    private func parse(_ text: String) -> RuntimeCommandLine {
        RuntimeCommandLine(arguments: text.split(separator: " ").map(String.init))
    }

    @Test("Docker's create, with a terminal")
    func create() {
        let line = parse(
            "--root /var/run/docker/runtime-runc/moby --log /b/log.json --log-format json create --bundle /b "
                + "--pid-file /b/init.pid --console-socket /tmp/pty1/pty.sock c0ffee")
        #expect(line.verb == "create")
        #expect(line.bundle == "/b")
        #expect(line.id == "c0ffee")
        #expect(line.log == "/b/log.json")
        #expect(line.logFormat == "json")
        #expect(line.globalArguments.joined(separator: " ").hasSuffix("--log-format json"))
    }

    @Test("options with an equals sign, a short option, and an id before an option")
    func forms() {
        #expect(parse("--log=/l --log-format=json create --bundle=/b x").bundle == "/b")
        #expect(parse("create -b /b x").bundle == "/b")
        #expect(parse("--log=/l start x").log == "/l")
        #expect(parse("delete x --force").force)
        #expect(parse("delete --force x").id == "x")
        #expect(!parse("delete --force=false x").force)
    }

    @Test("switches of the real runtime take no value")
    func switches() {
        let line = parse("--systemd-cgroup --debug --root /r create --no-pivot --preserve-fds 3 --bundle /b x")
        #expect(line.verb == "create")
        #expect(line.id == "x")
    }

    @Test("signals and files after the id are not the id")
    func positions() {
        #expect(parse("kill c0ffee 15").id == "c0ffee")
        #expect(parse("exec --process /tmp/p --detach --pid-file /p c0ffee").id == "c0ffee")
        #expect(parse("exec -e A=B c0ffee ls -l").id == "c0ffee")
        #expect(parse("update --resources - c0ffee").id == "c0ffee")
        #expect(parse("ps --format json c0ffee").id == "c0ffee")
    }

    @Test("exec's options and command are told apart")
    func exec() {
        let line = parse("--root=/r exec -e A=B --env=C=D -u 1:2 --tty --detach c0ffee ls -l -- x")
        #expect(line.options.map(\.name) == ["e", "env", "u", "tty", "detach"])
        #expect(line.options.map(\.value) == ["A=B", "C=D", "1:2", nil, nil])
        #expect(line.options.flatMap(\.given).joined(separator: " ") == "-e A=B --env=C=D -u 1:2 --tty --detach")
        #expect(line.id == "c0ffee")
        #expect(line.command == ["ls", "-l", "--", "x"])
        #expect(parse("exec c0ffee -- ls").command == ["ls"])
        #expect(parse("exec -- c0ffee ls").command == ["ls"])
    }

    @Test("no verb, or only a version")
    func empty() {
        #expect(parse("").verb == nil)
        #expect(parse("--version").verb == nil)
        #expect(parse("features").verb == "features")
    }
}

@Suite("documents of the OCI")
struct OCIDocumentTests {
    @Test("a field that nobody models survives, numbers exactly")
    func survives() throws {
        let text =
            #"{"a":{"limit":9223372036854771712,"big":18446744073709551615,"neg":-1,"x":[1,2.5,null,true,"\u0000é/"]}}"#
        let value = try JSONValue(parsing: [UInt8](text.utf8), subject: "x")
        let again = try JSONValue(parsing: value.serialized(), subject: "x")
        #expect(value == again)
        #expect(value["a"]?["limit"] == .integer(9_223_372_036_854_771_712))
        #expect(value["a"]?["big"] == .unsigned(18_446_744_073_709_551_615))
    }

    @Test("an id that could leave its folder is refused", arguments: ["", ".", "..", "a/b", "a b", "ü", "a\nb"])
    func ids(_ id: String) {
        #expect(throws: Failure.self) { try ContainerID.validate(id, at: "id") }
    }

    @Test("a runtime's log line is JSON of one line, whatever the message")
    func log() throws {
        let line = try RuntimeLog.line("a \"quoted\"\nmessage", .error, format: "json", time: "2026-01-01T00:00:00Z")
        #expect(line.filter { $0 == 10 }.count == 1 && line.last == 10)
        #expect(try JSONValue(parsing: line, subject: "log")["msg"] == "a \"quoted\"\nmessage")
    }

    @Test(
        "a container's id is what engines name its control group after",
        arguments: [
            "/docker/c0ffee", "system.slice:docker:c0ffee", "/libpod_parent/libpod-c0ffee",
            "machine.slice:libpod:c0ffee",
            "/user.slice/a.scope/libpod-payload-c0ffee", "/default/c0ffee",
        ])
    func containerID(_ path: String) throws {
        let config = try OCIConfig(document: ["linux": ["cgroupsPath": .string(path)]])
        #expect(config.containerID == "c0ffee")
        #expect(try OCIConfig(document: ["linux": [:]]).containerID == nil)
    }

    @Test("a config.json with a fault names its path")
    func fault() throws {
        let document = try JSONValue(parsing: [UInt8](#"{"process":{"cwd":"/","args":["a",1]}}"#.utf8), subject: "x")
        let failure = #expect(throws: Failure.self) { try OCIConfig(document: document) }
        #expect(failure?.message.hasPrefix("config.json.process.args.1: ") == true, "\(failure?.message ?? "")")
    }
}
