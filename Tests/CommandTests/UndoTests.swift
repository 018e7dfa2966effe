import Foundation
import Testing

/// A verb that fails undoes what it did itself, and no more.
@Suite("a verb that fails", .enabled(if: geteuid() == 0, "needs root"))
struct UndoTests {
    /// `fails STATUS VERB…` says so where the verb ends otherwise, or writes something.
    private func run(_ script: String) throws -> String {
        try World.run(
            #"""
            mount -t tmpfs none /var/lib; mkdir -p /run/dist /run/bundle/root; cd /run; exec 3>&1
            cp "$runcvm" /run/dist/runcvm; runcvm=/run/dist/runcvm; touch dist/{vmlinux,initrd} disk
            for name in firecracker busybox; do cp /bin/true dist/$name; done
            echo '{"process":{"cwd":"/","args":["x"],"env":[]},"root":{"path":"root"},
                "linux":{"namespaces":[{"type":"network"}]}}' >bundle/config.json
            fails() {
                local wanted=$1 status=0 error=/run/error; shift
                "$@" 2>$error || status=$?
                [ $status = $wanted ] || { echo "$* ended with $status:"; cat $error; } >&3
            }
            left() { find /run/runcvm /var/lib -mindepth 1 ! -name '.*' 2>/dev/null | sort; }
            """# + "\n\(script)")
    }

    @Test("fc-config leaves none of its files, and puts back those of a call before")
    func machine() throws {
        let text = try run(
            """
            config() { $runcvm fc-config --rootfs disk "$@" <plan; }
            $runcvm net-plan --netns /run/netns/web >plan
            mkdir -p runcvm/web/guest.json; fails 73 config; left; rmdir runcvm/web/guest.json
            config >/dev/null; sums() { (cd runcvm/web; find . -type f -exec sha256sum {} + | sort; find . -printf '%p %m %U\\n' | sort); }
            sums >before
            rm runcvm/web/machine.json; mkdir runcvm/web/machine.json; fails 73 config --memory 128M; rmdir runcvm/web/machine.json
            sums | diff before - | grep '[<>]' | grep -v machine.json || true
            """)
        #expect(text == "/run/runcvm/web\n/run/runcvm/web/guest.json\n", "\(text)")
    }

    @Test("oci-adapt and create leave no jail where the bundle cannot be written")
    func jail() throws {
        let text = try run(
            """
            mkdir dist/ssh; touch dist/ssh/ssh; printf '#!/bin/sh\\n' >dist/crun; chmod +x dist/crun; export RUNCVM_OCI_RUNTIME=/run/dist/crun
            mount --bind bundle bundle; mount -o remount,bind,ro bundle
            fails 73 $runcvm oci-adapt --id web --bundle bundle; left
            fails 73 $runcvm runtime create --bundle bundle web; left
            umount bundle; $runcvm oci-adapt --id web --bundle bundle; [ -d runcvm/web/jail ] && echo jailed
            """)
        #expect(
            text
                == "/var/lib/runcvm\n/var/lib/runcvm/containers\n/var/lib/runcvm\n/var/lib/runcvm/containers\njailed\n",
            "\(text)")
    }

    @Test("tap-create whose document nobody takes leaves no tap, and keeps one that was there")
    func taps() throws {
        let text = try run(
            """
            $runcvm net-plan --netns /run/netns/web >plan; taps() { ip -n web -o link | grep -c tap-eth0 || true; }
            fails 73 $runcvm tap-create <plan >/dev/full; taps
            # A pipe whose other end has gone.
            mkfifo gone; { read -r line <>gone; fails 71 $runcvm tap-create <plan; } | { exec <&-; echo >gone; }; taps
            $runcvm tap-create <plan >/dev/null; fails 73 $runcvm tap-create <plan >/dev/full; taps
            """)
        #expect(text == "0\n0\n1\n", "\(text)")
    }

    @Test("bridge-alias whose document nobody takes leaves the namespace as it was, also where a VM uses it")
    func bridges() throws {
        let text = try run(
            """
            ip -n web neighbor add 172.17.0.1 lladdr 02:42:ac:11:00:01 dev eth0 nud permanent
            all() {
                ip -n web -d -o address; ip -n web -o link; ip -n web route show table all; ip -n web neighbor show nud permanent
                ip -n web rule; bridge -n web fdb | grep permanent; ip netns exec web nft list ruleset; ip netns exec web sysctl -a 2>/dev/null
            }
            facts() { all | sed -E 's/ qdisc [a-z_]+//; /inet6|ff00::|fe80::|random|kernel[.]|fs[.]|vm[.]/d' | sort; }
            $runcvm net-plan --netns /run/netns/web | jq -c '.network.dns = {"resolvConf": "nameserver 127.0.0.11", "relay": ["127.0.0.11"]}' |
                $runcvm tap-create >plan
            facts >before; fails 73 $runcvm bridge-alias <plan >/dev/full; facts | diff before - || true
            $runcvm bridge-alias <plan | jq -c '.bridges[].wayOut.ports'
            facts >made; fails 73 $runcvm bridge-alias <plan >/dev/full; facts | diff made - || true
            """)
        #expect(text == "\"61000-61999\"\n", "\(text)")
    }

    @Test("state-save whose document nobody takes leaves no folder, and keeps the document that was saved")
    func state() throws {
        let text = try run(
            """
            $runcvm net-plan --netns /run/netns/web >plan
            fails 73 $runcvm state-save <plan >/dev/full; left
            $runcvm state-save <plan >/dev/null; jq -c '.other = 1' plan >changed
            fails 73 $runcvm state-save <changed >/dev/full; cmp plan runcvm/web/state.json; left
            """)
        #expect(text == "/run/runcvm/web\n/run/runcvm/web/state.json\n", "\(text)")
    }

    @Test("fc-config whose document nobody takes leaves no file")
    func configuration() throws {
        let text = try run(
            """
            $runcvm net-plan --netns /run/netns/web >plan
            fails 73 $runcvm fc-config --rootfs disk <plan >/dev/full; left
            """)
        #expect(text == "", "\(text)")
    }

    @Test("oci-adapt whose config.json nobody takes leaves no jail, also where it refuses")
    func adapted() throws {
        let text = try run(
            """
            mkdir dist/ssh; touch dist/ssh/ssh
            cd bundle; fails 73 $runcvm oci-adapt --id web <config.json >/dev/full; left
            fails 73 $runcvm oci-adapt --hook --id web <<<'{"process":{"env":["RUNCVM_SYSTEMD=odd"],"args":["x"]}}' >/dev/full; left
            """)
        #expect(text == String(repeating: "/var/lib/runcvm\n/var/lib/runcvm/containers\n", count: 2), "\(text)")
    }

    @Test("in host mode neither a reservation is left nor a rule, and those of a VM that runs stay")
    func host() throws {
        let text = try run(
            """
            ip link set lo up
            echo '{"process":{"cwd":"/","user":{"uid":0,"gid":0},"args":["x"],"env":["RUNCVM_NETWORK_MODE=host"],
                "capabilities":{"bounding":["CAP_NET_ADMIN"]}}}' >bundle/config.json
            echo '{"id":"web","pid":'$$',"bundle":"/run/bundle"}' >oci
            fails 73 $runcvm net-plan <oci >/dev/full; left
            $runcvm net-plan <oci | $runcvm tap-create >plan
            fails 73 $runcvm net-plan <oci >/dev/full; left
            rules() { iptables-save | grep -c web || true; cat /proc/sys/net/ipv4/ip_forward; }
            fails 73 $runcvm nat-enable <plan >/dev/full; rules; ls -A runcvm
            """)
        #expect(
            text == """
                /run/runcvm/web
                /run/runcvm/web/state.json
                0
                0
                .host-mode.lock
                web

                """, "\(text)")
    }
}
