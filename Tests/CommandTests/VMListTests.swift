import Foundation
import OCI
import Testing

@Suite("ps, logs, stop", .enabled(if: geteuid() == 0, "needs root"))
struct VMListTests {
    /// With a VM `web` that runs, whose Firecracker is a script that says a word and waits; `long` is configured, with an id
    /// as Docker's; `early` is only prepared.
    private func run(_ script: String) throws -> String {
        try World.run(
            #"""
            cd /run; touch kernel initrd disk; mkfifo never; mkdir -p /run/runcvm/early/jail
            printf '#!/bin/sh\necho first; echo second; echo third\nread x </run/never\n' >fake; chmod +x fake
            export RUNCVM_FIRECRACKER=/run/fake long=$(printf 'c0ffee%058d' 0)
            configure() { $runcvm net-plan --netns /run/netns/web --id $1 | $runcvm state-save |
                $runcvm fc-config --kernel kernel --initrd initrd --rootfs disk --memory 256M --cpus 2; }
            configure web >vm.json; configure $long >/dev/null; $runcvm tap-create <vm.json >/dev/null
            $runcvm fc-boot vm.json </dev/null >boot.out 2>&1 & boot=$!
            until grep -qs third /run/runcvm/web/vm/console.log; do sleep 0.05; done
            """# + "\n" + script + "\nkill -9 $boot 2>/dev/null || true")
    }

    @Test("ps lists Docker's and those by hand, by what each has come to")
    func list() throws {
        let text = try run(
            "$runcvm ps | sed 's/ [0-9]*s /  /'; echo; $runcvm ps -q; echo; $runcvm ps --json; echo boot $boot")
        let parts = text.split(separator: "\n\n")
        let table = parts[0].split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let boot = try #require(text.split(separator: " ").last).trimmingCharacters(in: .newlines)
        #expect(
            table == [
                ["ID", "STATUS", "PID", "CPUS", "MEMORY", "NETWORK"],
                ["c0ffee000000", "configured", "2", "256M", "172.17.0.2/16"],
                ["early", "prepared"],
                ["web", "running", boot, "2", "256M", "172.17.0.2/16"],
            ])
        #expect(parts[1] == "c0ffee000000\nearly\nweb")
        let list = try JSONValue(parsing: [UInt8]((parts[2].split(separator: "\n").first ?? "").utf8), subject: "list")
        #expect(list.array?.map { $0["state"] } == ["configured", "prepared", "running"])
        #expect(list.array?.last?["pid"]?.integer == Int64(boot))
    }

    @Test("without a VM there is a header, and an empty list")
    func none() throws {
        let text = try World.run("$runcvm ps; $runcvm ps -q; $runcvm ps --json")
        #expect(text == "ID  STATUS  PID  CPUS  MEMORY  NETWORK\n[]\n")
    }

    @Test("logs is the console, its last lines, and with --follow all that comes until the VM ends")
    func logs() throws {
        let text = try run(
            """
            $runcvm logs web; echo; $runcvm logs --tail 2 we; echo; $runcvm logs -n 0 web; $runcvm logs -n 9 web; echo
            $runcvm logs --follow -n 1 web >follow & follow=$!
            until grep -qs third follow; do sleep 0.05; done
            echo fourth >>/run/runcvm/web/vm/console.log
            until grep -qs fourth follow; do sleep 0.05; done
            kill -9 $boot; wait $follow; cat follow
            """)
        let all = "first\nsecond\nthird\n"
        #expect(text == "\(all)\nsecond\nthird\n\n\(all)\nthird\nfourth\n")
    }

    @Test("stop asks, and ends what does not hear; its id is printed when it has gone")
    func stop() throws {
        let text = try run(
            """
            $runcvm stop --dry-run --time 5 web | sed "s/ $boot/ BOOT/; s/=$boot/=BOOT/"; $runcvm stop --dry-run --time 0 -s 1 web | sed "s/ $boot/ BOOT/"
            $runcvm ps | grep -c running; $runcvm stop --time 0 web; kill -0 $boot 2>/dev/null && echo there || echo gone
            $runcvm ps | grep -c running || true
            $runcvm fc-stop web 2>&1 || echo status $?
            """)
        #expect(
            text == """
                kill -TERM BOOT
                sh -c 'timeout 5 tail --pid=BOOT -f /dev/null || kill -KILL BOOT'
                kill -HUP BOOT
                sh -c 'kill -KILL BOOT'
                1
                web
                gone
                0
                web

                """, "\(text)")
    }

    @Test("an id that is none, or the beginning of several, is named")
    func ids() throws {
        let text = try run(
            """
            mkdir /run/runcvm/webber
            for id in nothing w ''; do $runcvm stop "$id" 2>&1 || echo status $?; done
            $runcvm logs $long 2>&1 || echo status $?
            $runcvm stop --signal FOO web 2>&1 || echo status $?
            """)
        #expect(
            text == """
                runcvm fc-stop: no VM 'nothing'; runcvm ps lists them
                status 66
                runcvm fc-stop: 'w' begins the ids of 2 VMs; give more of it
                status 64
                runcvm fc-stop: no VM ''; runcvm ps lists them
                status 66
                runcvm logs: \("c0ffee" + String(repeating: "0", count: 58)) has no console yet; fc-boot begins it
                status 66
                runcvm stop: --signal FOO: no such signal; see runcvm stop --help
                status 64

                """)
    }
}
