import Foundation
import Testing

extension LabTests {
    /// Engines other than today's Docker, and runc in crun's place.
    @Suite struct Engines {
        @Test("Podman by --runtime: two networks, names, exec, stop, and nothing is left")
        func podman() throws {
            try Self.load("podman")
            let before = try Lab.traces()
            // Docker drops what other engines' bridges forward to each other.
            try Lab.sh(
                """
                iptables -I FORWARD -i podman+ -j ACCEPT
                podman network create pa && podman network create pb
                podman run -d --name plain --network pa --cap-add NET_RAW busybox:local sleep 100000
                podman run -d --name vm --runtime /usr/bin/runcvm-runtime --network pa --network pb -m 512m --cap-add NET_RAW \\
                    busybox:local sh -c 'echo out; echo err >&2; trap "exit 3" TERM; while :; do sleep 0.1; done'
                """)
            let inside = try Lab.run(
                """
                podman exec vm sh -c 'uname -r; grep CapEff /proc/self/status; cat /etc/resolv.conf; ls /run/.containerenv
                    df -k /dev/shm; nslookup outside.test; ping -c 1 -W 5 plain; ip rule; exit 5'
                """)
            #expect(inside.status == 5, "\(inside.errors)")
            #expect(inside.lines.first?.contains("cloud") == true)
            // --cap-add NET_RAW beside Podman's own.
            for part in [
                "CapEff:\t00000000800425fb", "search dns.podman", "/run/.containerenv", "64000", "203.0.113.1",
                " 0% packet loss", "lookup 101",
            ] {
                #expect(inside.text.contains(part), "\(part): \(inside.text)")
            }
            let answered = try Lab.sh(
                """
                podman exec plain ping -c 1 -W 5 vm
                for address in $(jq -r '.network.nics[].addresses[0]' /run/runcvm/*/state.json); do
                    ping -c 1 -W 5 ${address%/*}
                done
                """)
            #expect(answered.components(separatedBy: " 0% packet loss").count == 4, "\(answered)")
            // A terminal; and sets of capabilities that are not there are empty.
            let typed = try Lab.sh("script -qec 'podman exec -it vm tty' /dev/null")
            #expect(typed.contains("/dev/pts/"))
            let rights = try Lab.sh(
                """
                echo '{"args":["/bin/grep","CapEff","/proc/self/status"],"cwd":"/","capabilities":{}}' >/tmp/process.json
                runcvm-runtime exec --process /tmp/process.json $(ls /run/runcvm)
                """)
            #expect(rights == "CapEff:\t0000000000000000")
            let end = try Lab.run("podman stop vm; podman logs vm; podman inspect -f '{{.State.ExitCode}}' vm")
            #expect(end.lines == ["vm", "out", "3"], "\(end.text)")
            #expect(end.errors.contains("err"))
            try Lab.sh(
                """
                podman rm -f -t 0 vm plain; podman network rm pa pb
                iptables -D FORWARD -i podman+ -j ACCEPT
                """)
            #expect(try Lab.traces() == before)
        }

        @Test("Podman by hooks.d alone: output, status and names, and what fails says why")
        func hooks() throws {
            try Self.load("podman")
            let before = try Lab.traces()
            let podman =
                "podman --hooks-dir /usr/lib/runcvm/hooks/podman run --rm --annotation dev.runcvm.vm=true --user 1000"
            let run = try Lab.run(
                "\(podman) busybox:local sh -c 'uname -r; echo err >&2; cat /etc/hosts /etc/resolv.conf; id -un; exit 7'"
            )
            #expect(run.status == 7 && run.errors.contains("err"), "\(run.errors)")
            for part in ["cloud", "host.containers.internal", "nameserver 203.0.113.1", "\n1000\n"] {
                #expect(run.text.contains(part), "\(run.text)")
            }
            // One is found out by precreate, the other by poststart.
            for setting in ["RUNCVM_HYPERVISOR=qemu", "RUNCVM_MEM_SIZE=1M"] {
                let failing = try Lab.run("\(podman) -e \(setting) busybox:local true")
                #expect(failing.status == 125)
                #expect(failing.errors.contains("runcvm fc-boot: "), "\(failing.errors)")
                #expect(failing.errors.contains(setting), "\(failing.errors)")
            }
            #expect(try Lab.traces() == before)
        }

        @Test(
            "containerd's ctr with runc, in a namespace that stays: output, exec, status, and the namespace is as before"
        )
        func containerd() throws {
            try Self.load("containerd")
            let before = try Lab.traces()
            try Lab.sh(
                """
                ip netns add web && ip link add web0 type veth peer name eth0 netns web
                ip address add 10.9.0.1/24 dev web0 && ip link set web0 up
                ip -n web address add 10.9.0.2/24 brd + dev eth0 && ip -n web link set eth0 up
                ip -n web route add default via 10.9.0.1
                printf '#!/bin/sh\\nRUNCVM_OCI_RUNTIME=runc exec runcvm-runtime "$@"\\n' >/tmp/runcvm-runc
                chmod 755 /tmp/runcvm-runc
                """)
            let state = "ip -n web -4 address; ip -n web route; ip -n web -o link"
            let namespace = try Lab.sh(state)
            let run = try Lab.run(
                """
                \(Self.ctr) run -d --runc-binary /tmp/runcvm-runc --with-ns network:/run/netns/web \\
                    $(\(Self.ctr) images list -q | grep busybox:local) web sleep 100000
                mkdir -p /tmp/root && tar -xf /mnt/host/busybox.tar -C /tmp/root
                \(Self.ctr) -n other run --rm --runc-binary /usr/bin/runcvm-runtime --rootfs /tmp/root web /bin/true
                \(Self.ctr) task exec --exec-id one web sh -c 'uname -r; ping -c 1 -W 5 10.9.0.1; exit 5'; echo "exit $?"
                ping -c 1 -W 5 10.9.0.2
                \(Self.ctr) task kill -s KILL web; \(Self.ctr) task delete -f web; \(Self.ctr) container rm web
                """)
            #expect(run.text.contains("exit 5"), "\(run.text)\(run.errors)")
            // Another namespace of containerd's, with its own ids.
            #expect(run.errors.contains("/run/runcvm/web: a VM of this id runs already"), "\(run.errors)")
            #expect(run.lines.first?.contains("cloud") == true, "\(run.text)\(run.errors)")
            #expect(run.text.components(separatedBy: " 0% packet loss").count == 3, "\(run.text)\(run.errors)")
            #expect(try Lab.sh(state) == namespace)
            try Lab.sh("ip netns delete web; while ip link show web0; do sleep 0.1; done >/dev/null 2>&1")
            #expect(try Lab.traces() == before)
        }

        @Test("Docker 20.10 with its runc, on networks connected before the start")
        func oldDocker() throws {
            try Lab.sh("RUNCVM_OCI_RUNTIME=runc docker-20.10 version >/dev/null")
            let before = try Lab.traces()
            try Lab.sh(
                """
                docker-20.10 network create na && docker-20.10 network create nb
                docker-20.10 run -d --name plain --net na --runtime=runc busybox:local sleep 100000
                docker-20.10 create --name vm --net na --runtime=runcvm busybox:local \\
                    sh -c 'echo out; echo err >&2; trap "exit 3" TERM; while :; do sleep 0.1; done'
                docker-20.10 network connect nb vm && docker-20.10 start vm
                """)
            let inside = try Lab.run(
                """
                docker-20.10 exec vm sh -c 'uname -r; ip -o -4 address; nslookup outside.test; ping -c 1 -W 5 plain; exit 5'
                """)
            #expect(inside.status == 5, "\(inside.errors)")
            for part in ["cloud", "eth0    inet 172.18.", "eth1    inet 172.19.", "203.0.113.1", " 0% packet loss"] {
                #expect(inside.text.contains(part), "\(part): \(inside.text)")
            }
            #expect(try Lab.sh("docker-20.10 exec plain ping -c 1 -W 5 vm").contains(" 0% packet loss"))
            let end = try Lab.run("docker-20.10 stop vm; docker-20.10 wait vm; docker-20.10 logs vm")
            #expect(end.lines == ["vm", "3", "out"] && end.errors.contains("err"), "\(end.text)\(end.errors)")
            try Lab.sh("docker-20.10 rm -f vm plain && docker-20.10 network rm na nb")
            #expect(try Lab.traces() == before)
            try Lab.sh("docker-20.10 end")
        }

        private static let ctr = "ctr -a /run/docker/containerd/containerd.sock"

        /// busybox:local for an engine that does not have it yet.
        private static func load(_ engine: String) throws {
            switch engine {
            case "podman":
                try Lab.sh(
                    """
                    podman image exists busybox:local ||
                        podman import -q -c 'CMD ["sh"]' /mnt/host/busybox.tar busybox:local >/dev/null
                    """)
            default: try Lab.sh("docker save busybox:local | \(ctr) images import - >/dev/null")
            }
        }
    }
}
