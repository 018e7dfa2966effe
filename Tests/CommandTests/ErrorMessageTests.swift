import Foundation
import Testing

/// What a user reads when something is wrong: the whole line, by which they find what, of what, and what to do.
@Suite("error messages")
struct ErrorMessageTests {
    struct Case {
        var verb: String
        var input: String
        var status: Int32
        var line: String

        /// `verb` with its arguments, separated by spaces; `line` without the verb's name.
        init(_ verb: String, _ input: String, _ status: Int32, _ line: String) {
            self.verb = verb
            self.input = input
            self.status = status
            self.line = line
        }

        init(_ verb: String, _ status: Int32, _ line: String) { self.init(verb, "", status, line) }
    }

    private static let link =
        #"{"name":"eth0","kind":"veth","mac":"02:42:ac:11:00:02","addresses":["172.17.0.2/16"]}"#
    private static func facts(env: String) -> String {
        #"{"links":[\#(link)],"container":{"env":["\#(env)"]}}"#
    }
    private static let none = #""network":{"mode":"none","nics":[],"dns":{"relay":[]},"warnings":[]}"#
    private static func document(_ rest: String) -> String { #"{"version":1,"container":{"id":"no-such-vm"}\#(rest)}"# }
    private static let planned = document(",\(none)")
    private static let machine = document(
        #","machine":{"id":"x","vcpus":1,"memory":128,"config":"/c","firecracker":"/f","directory":"/none","terminal":false}"#
    )
    private static func config(_ env: String, _ rest: String = "") -> String {
        #"{"process":{"cwd":"/","args":["x"],"env":["\#(env)"]},"linux":{"namespaces":[{"type":"network"}\#(rest)]}}"#
    }

    static let pipes: [Case] = [
        "tap-create", "tap-delete", "bridge-alias", "bridge-restore", "nat-enable", "nat-disable", "fc-config",
        "net-check", "net-draw",
    ].flatMap {
        [
            Case($0, "", 65, "document on stdin: empty; a JSON document is wanted"),
            Case($0, "hello", 65, "document on stdin: not JSON (it starts with 'h')"),
            Case($0, "[", 65, "document on stdin: not JSON (RFC 8259), or nested too deeply"),
            Case($0, "{}", 65, "version: missing; the pipe begins with runcvm net-plan"),
            Case($0, document(""), 65, "network: missing; the pipe begins with runcvm net-plan"),
            Case(
                $0, document(#","network":{"mode":"odd"}"#), 65, #"network.mode: "odd" is not bridge, host or none"#),
        ]
    }

    static let others: [Case] = [
        Case("net-plan", 65, "OCI state on stdin: empty; a JSON document is wanted"),
        Case("net-plan --netns /a --facts b", 64, "--netns and --facts exclude each other; see runcvm net-plan --help"),
        Case("net-plan", #"{"id":"a b","pid":1}"#, 65, "state.id: not a container's id (letters, digits, _ + . -)"),
        Case("net-plan --facts -", #"{"links":[null]}"#, 65, "links.0: null where an object is wanted"),
        Case(
            "net-plan --facts -", facts(env: "RUNCVM_HOST_PORTS=80"), 64,
            "RUNCVM_HOST_PORTS is for host mode; publish a container's ports by -p HOSTPORT:PORT"),
        Case(
            "net-plan --facts -", facts(env: "RUNCVM_HYPERVISOR=qe\\nmu"), 64,
            "RUNCVM_HYPERVISOR=qe?mu: unknown hypervisor; the only one is firecracker"),
        Case(
            "net-plan --facts -", facts(env: "RUNCVM_NETWORK_MODE=fast"), 64,
            "RUNCVM_NETWORK_MODE=fast: unknown mode; use bridge, host or none"),
        Case(
            "net-plan --facts -", facts(env: "RUNCVM_NETWORK_MODE=host"), 64,
            "RUNCVM_NETWORK_MODE=host needs --net=host, and the container has a network of its own"),
        Case(
            "tap-create --netns /nonexistent", planned, 66,
            "network namespace /nonexistent: no such file; ip netns list shows those that are named"),
        Case(
            "bridge-alias --netns /etc/passwd", planned, 65,
            "network namespace /etc/passwd: no network namespace; it may have been deleted"),
        Case(
            "net-check --netns /nonexistent", planned, 66, "network namespace /nonexistent: gone, and the VM with it"),
        Case("state-save", #"{"version":1}"#, 65, "container: missing; the pipe begins with runcvm net-plan"),
        Case(
            "state-delete", #"{"version":1,"container":{"id":"../x"}}"#, 65,
            "container.id: not a container's id (letters, digits, _ + . -)"),
        Case("state-load", "{}", 65, "state.id: missing"),
        Case(
            "fc-config", planned, 64,
            "no root disk: name one with --rootfs, or prepare the container with runcvm oci-adapt"),
        Case("fc-config --rootfs /r --kernel /nonexistent", planned, 66, "--kernel /nonexistent: no such file"),
        Case(
            "fc-config --rootfs /r --cpus many", planned, 64,
            "The value 'many' is invalid for '--cpus <cpus>'; see runcvm fc-config --help"),
        Case("fc-boot", 64, "Missing expected argument '<document>'; see runcvm fc-boot --help"),
        Case("fc-boot /dev/stdin", document(""), 65, "machine: missing in /dev/stdin; fc-config adds it"),
        Case("fc-boot /dev/stdin", "[]", 65, "/dev/stdin: not an object"),
        Case("fc-stop nobody", 66, "no VM 'nobody'; runcvm ps lists them"),
        Case("fc-stop --time=-1 x", 64, "--time -1: not a number of seconds; see runcvm fc-stop --help"),
        Case("logs nobody", 66, "no VM 'nobody'; runcvm ps lists them"),
        Case("oci-adapt --id x", "", 65, "config.json on stdin: empty; a JSON document is wanted"),
        Case("oci-adapt --id x", "{}", 65, "config.json.process.args: missing or empty"),
        Case("oci-adapt --id x", config("RUNCVM_SYSTEMD=maybe"), 64, "RUNCVM_SYSTEMD=maybe: neither true nor false"),
        Case(
            "oci-adapt --id x", config("A=1", #",{"type":"user"}"#), 69,
            "a user namespace (--userns, userns-remap) is not supported with --runtime=runcvm yet"),
        Case("rootfs-build", 64, "Missing expected argument '<layers> ...'; see runcvm rootfs-build --help"),
        Case(
            "rootfs-build --output /x/y /etc/passwd", 65, "/etc/passwd: not a folder; an image is made of folders"),
        Case("rootfs-build --output /nonexistent/x /etc/apt", 73, "/nonexistent/x: no folder /nonexistent; make it"),
        Case("vm-exec nobody true", 66, "nobody: no such VM, and no such document"),
        Case("vm-exec /dev/stdin true", document(""), 65, "machine: missing in /dev/stdin; fc-config adds it"),
        Case("vm-exec /dev/stdin", machine, 64, "no command; name one after the VM"),
        Case(
            "vm-exec -u root /dev/stdin true", machine, 64,
            "--user root: not UID or UID:GID; names are the image's"),
        Case(
            "vm-exec /dev/stdin true", machine, 71,
            "connect /none/v.sock: No such file or directory (ENOENT); the VM does not run"),
        Case(
            "vm-connect /none", 71, "connect /none: No such file or directory (ENOENT); the VM does not run"),
        Case("guest-init", 64, "runs only as PID 1 of a VM, from its initramfs; fc-boot boots one"),
        Case(
            "guest-command --ended", 64,
            "EXIT_CODE and EXIT_STATUS are not set: systemd sets them for ExecStopPost="),
        Case("docker-init", 64, "no command; name one after --; see runcvm docker-init --help"),
        Case(
            "net-draw --format png", 64,
            "The value 'png' is invalid for '--format <format>'. Please provide one of 'text', 'svg' or 'dot'; "
                + "see runcvm net-draw --help"),
        Case("doctor --boot-limit 0", 64, "--boot-limit 0: not 1 to 3600 seconds; see runcvm doctor --help"),
        Case("runtime run x", 69, "run is not supported; use create and start"),
    ]

    @Test("each is one line that says what, of what, and what to do", arguments: (pipes + others).indices)
    func line(_ index: Int) throws {
        let all = Self.pipes + Self.others
        let words = all[index].verb.split(separator: " ").map(String.init)
        let outcome = try Tool.run(words, input: all[index].input)
        #expect(outcome.errors == "runcvm \(words[0]): \(all[index].line)\n", "\(words)")
        #expect(outcome.status == all[index].status, "\(words)")
        #expect(outcome.output.isEmpty)
    }

    @Test("a missing program or privilege is named, with the remedy", .enabled(if: geteuid() == 0, "needs root"))
    func missing() throws {
        let document = #"{"version":1,"container":{"id":"x","netns":"/run/netns/web"},\#(Self.none)}"#
        let text = try World.run(
            """
            say() { "$@" 2>&1 >/run/out || echo "status $?"; [ ! -s /run/out ] || echo output; }
            echo '\(document)' >/run/doc; mkdir /run/empty /run/tree; exec 3</run/doc
            say env PATH=/run/empty $runcvm rootfs-build --output /run/x /run/tree
            say env PATH=/run/empty $runcvm runtime state x
            say env RUNCVM_OCI_RUNTIME=/run/empty/crun $runcvm runtime state x
            say env RUNCVM_OCI_RUNTIME=odd PATH=/run/empty $runcvm runtime state x
            say env RUNCVM_OCI_RUNTIME=$runcvm $runcvm runtime state x | sed "s|=$runcvm|=SELF|"
            say env RUNCVM_KERNEL=/run/none $runcvm fc-config --rootfs /r </run/doc
            export RUNCVM_FIRECRACKER=/bin/sh; say env RUNCVM_FIRECRACKER=/run/none $runcvm fc-config --rootfs /bin/sh --kernel /bin/sh --initrd /bin/sh </run/doc
            mkdir -p /run/runcvm/x/jail; say $runcvm fc-config </run/doc
            printf '#!/bin/sh\n' >/run/crun; chmod +x /run/crun; export RUNCVM_OCI_RUNTIME=/run/crun
            echo '{"process":{}}' >/run/runcvm/x/config.json; say $runcvm runtime exec x; say $runcvm runtime exec --user root x true
            say $runcvm runtime exec --process /run/none x
            mkdir -p /run/runcvm/y/guest.json; sed 's/"x"/"y"/' /run/doc >/run/other
            say $runcvm fc-config --rootfs /bin/sh --kernel /bin/sh --initrd /bin/sh <<<"$(</run/other)"
            mv /run/runcvm /run/before; touch /run/runcvm; say $runcvm state-save </run/doc
            $runcvm net-plan --netns /run/netns/web >/run/plan; mount -t tmpfs none /dev/net
            say $runcvm tap-create </run/plan
            say setpriv --reuid 65534 --clear-groups $runcvm tap-create </run/doc
            """)
        #expect(
            text == """
                runcvm rootfs-build: mkfs.erofs not found on PATH; apt-get install erofs-utils
                status 69
                runcvm runtime: neither crun nor runc found on PATH (/run/empty); apt-get install crun, or set RUNCVM_OCI_RUNTIME
                status 69
                runcvm runtime: RUNCVM_OCI_RUNTIME=/run/empty/crun: no such program; apt-get install crun, or leave it out
                status 69
                runcvm runtime: RUNCVM_OCI_RUNTIME=odd: no such program on PATH (/run/empty); apt-get install crun, or leave it out
                status 69
                runcvm runtime: RUNCVM_OCI_RUNTIME=SELF: runcvm itself; name crun or runc, or leave it out
                status 64
                runcvm fc-config: guest vmlinux not found at /run/none; put an uncompressed ELF kernel there, or name one with RUNCVM_KERNEL
                status 69
                runcvm fc-config: /run/none (from RUNCVM_FIRECRACKER): no such program; install it or name another
                status 69
                runcvm fc-config: /run/runcvm/x/config.json: no config.json of container x; run oci-adapt first
                status 66
                runcvm runtime: exec: no command, and no --process
                status 64
                runcvm runtime: exec --user root: not UID or UID:GID
                status 64
                runcvm runtime: open /run/none: No such file or directory (ENOENT)
                status 66
                runcvm fc-config: creat /run/runcvm/y/guest.json: Is a directory (EISDIR)
                status 73
                runcvm state-save: mkdir /run/runcvm/x: Not a directory (ENOTDIR)
                status 73
                runcvm tap-create: /dev/net/tun: No such file or directory (ENOENT); modprobe tun
                status 69
                runcvm tap-create: network namespace /run/netns/web: entering it needs CAP_SYS_ADMIN; run as root
                status 77

                """)
    }
}
