import Foundation
import OCI
import Testing

@Suite("host mode on the command line", .enabled(if: geteuid() == 0, "needs root"))
struct HostModeCommandTests {
    /// Runs a script in a network namespace and a /run of its own; `$runcvm` is the built binary.
    private func run(_ script: String) throws -> [String] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/unshare")
        process.arguments = ["-mn", "bash", "-ec", "mount -t tmpfs none /run; ip link set lo up; \(script)"]
        process.environment = ["runcvm": Tool.path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return text.split(separator: "\n").map(String.init)
    }

    /// Shell functions: `up ID` runs the pipe of hooks/prestart, `down ID` that of hooks/poststop.
    private let pipes = """
        config() {
            mkdir -p /run/bundle
            echo '{"process":{"cwd":"/","user":{"uid":0,"gid":0},"args":["x"],"env":["RUNCVM_NETWORK_MODE=host"],"capabilities":{"bounding":["CAP_NET_ADMIN"]}}}' \
                >/run/bundle/config.json
        }
        up() {
            echo '{"id":"'$1'","pid":'$$',"bundle":"/run/bundle"}' | $runcvm net-plan | $runcvm state-save |
                $runcvm tap-create | $runcvm bridge-alias | $runcvm nat-enable
        }
        down() {
            echo '{"id":"'$1'"}' | $runcvm state-load | $runcvm nat-disable | $runcvm bridge-restore | $runcvm tap-delete >/dev/null
            rm -r /run/runcvm/$1
        }
        config
        """

    @Test("eight starts at once have eight taps and networks; their ends leave nothing")
    func atOnce() throws {
        let lines = try run(
            """
            \(pipes)
            for i in 1 2 3 4 5 6 7 8; do up vm$i >/run/out$i & done; wait; cat /run/out*
            for i in 1 2 3 4 5 6 7 8; do down vm$i & done; wait
            ip -o link | grep -v ' lo:' || true; iptables-save | grep runcvm || true; sysctl net.ipv4.ip_forward
            ls -A /run/runcvm
            """)
        try #require(lines.count > 8)
        let documents = try lines.prefix(8).map { try JSONValue(parsing: [UInt8]($0.utf8), subject: "document") }
        let hosts = documents.compactMap { $0["network"]?["host"] }
        #expect(Set(hosts.compactMap { $0["tap"]?.string }) == Set((0..<8).map { "tap\($0)" }))
        #expect(
            Set(hosts.compactMap { $0["guest"]?.string }) == Set((0..<8).map { "169.254.100.\($0 * 4 + 2)/30" }))
        #expect(documents.allSatisfy { $0["nat"]?["setIPForward"] == true && $0["container"]?["netns"] == nil })
        #expect(lines.dropFirst(8) == ["net.ipv4.ip_forward = 0", ".host-mode.lock"], "\(lines.dropFirst(8))")
    }

    @Test("net-plan --dry-run plans as it would, and reserves nothing")
    func dryRun() throws {
        let lines = try run(
            """
            \(pipes)
            oci='{"id":"one","pid":'$$',"bundle":"/run/bundle"}'
            $runcvm net-plan --dry-run <<<$oci 2>/dev/null; ls -d /run/runcvm 2>/dev/null || true; up two 2>/dev/null >/run/two
            $runcvm net-plan --dry-run <<<$oci 2>/dev/null | jq -r .network.host.tap; ls /run/runcvm; down two
            """)
        try #require(lines.count == 3)
        #expect(lines[0].contains(#""tap":"tap0""#) && lines[1...] == ["tap1", "two"], "\(lines)")
    }

    @Test("the pipe run again gives the same document")
    func again() throws {
        let lines = try run("\(pipes)\nup one; up two; up one; down one; up two; down two")
        try #require(lines.count == 4)
        #expect(lines[0] == lines[2] && lines[1] == lines[3])
    }

    @Test("a runtime killed amid prestart: delete waits for what is still at work, then undoes it")
    func killed() throws {
        let lines = try run(
            """
            mkdir -p /run/dist/hooks /run/runcvm/c/jail; mkfifo /run/begun /run/go /run/over
            cp $runcvm /run/dist/runcvm; ln -s runcvm /run/dist/runcvm-runtime
            printf '#!/bin/bash\n[ "$1" != state ] || echo "{}"\n' >/run/dist/crun
            printf '#!/bin/bash\necho >/run/begun; read <>/run/go; touch /run/made; echo >/run/over\n' >/run/dist/hooks/prestart
            printf '#!/bin/bash\nrm -rf /run/made /run/runcvm/c\n' >/run/dist/hooks/poststop
            chmod +x /run/dist/crun /run/dist/hooks/*
            export RUNCVM_OCI_RUNTIME=/run/dist/crun
            /run/dist/runcvm-runtime start c & start=$!
            read </run/begun; kill -9 $start; wait $start || true
            /run/dist/runcvm-runtime delete --force c & delete=$!
            while kill -0 $delete 2>/dev/null && ! grep -q -- "-> FLOCK.* $delete " /proc/locks; do :; done
            echo >/run/go; read </run/over; wait $delete
            ls /run /run/runcvm
            """)
        #expect(lines == ["/run:", "begun", "dist", "go", "over", "runcvm", "/run/runcvm:"], "\(lines)")
    }

    @Test("a second run of nat-enable that fails is a system call's failure, and leaves what the first made")
    func natAgain() throws {
        let text = try World.run(
            """
            cat >/run/plan <<EOF
            {"version":1,"container":{"id":"web"},"network":{"mode":"host","dns":{"relay":[]},"warnings":[],
             "host":{"tap":"tap0","gateway":"169.254.100.1/30","guest":"169.254.100.2/30","firewall":"iptables-nft"},
             "nics":[{"name":"eth0","tap":"tap0","guestMAC":"02:fc:a9:fe:64:02","mtu":1500,"attach":{"model":"nat"},
               "addresses":["169.254.100.2/30"],"routes":[]}]}}
            EOF
            mkdir -p /run/runcvm
            $runcvm tap-create </run/plan | $runcvm nat-enable >/run/state
            ip link delete tap0
            $runcvm nat-enable </run/state 2>&1 || echo $?
            iptables-nft-save | grep -c runcvm:web; cat /proc/sys/net/ipv4/ip_forward /run/runcvm/.ip_forward
            """)
        #expect(
            text == """
                runcvm nat-enable: sysctl /proc/sys/net/ipv4/conf/tap0/forwarding: No such file or directory (ENOENT); \
                runcvm tap-create comes first
                71
                3
                1
                web

                """, "\(text)")
    }
}
