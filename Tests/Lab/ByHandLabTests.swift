import Testing

extension LabTests {
    @Test("by hand, without Docker: the pipe, a VM from an ext4 disk, and the undo leaves the namespace as it was")
    func byHand() throws {
        let outcome = try Lab.run(
            """
            set -e; cd $(mktemp -d)
            ip netns del web 2>/dev/null || true; ip netns add web
            ip link add vweb type veth peer name eth0 netns web
            ip addr add 10.9.0.1/24 dev vweb; ip link set vweb up
            ip -n web addr add 10.9.0.2/24 brd + dev eth0; ip -n web link set eth0 up
            ip -n web route add default via 10.9.0.1
            facts() { ip -n web -o addr; ip -n web -o link; ip -n web route; }
            facts >before
            mkdir -p root/bin root/etc; cp $(command -v busybox) root/bin/sh
            mke2fs -q -t ext4 -d root disk.ext4 64M

            runcvm net-plan --netns /run/netns/web | runcvm tap-create | runcvm bridge-alias |
                runcvm fc-config --rootfs disk.ext4 --memory 256M -- \
                    /bin/sh -c 'read line; echo got $line; ip -o addr show eth0; ping -c 1 -W 10 10.9.0.1; exit 9' >vm.json
            status=0
            echo hello | runcvm fc-boot vm.json || status=$?
            echo status $status
            for i in 1 2; do runcvm bridge-restore <vm.json | runcvm tap-delete | runcvm state-delete >/dev/null; done

            facts | diff before - && echo as before
            ls /run/runcvm; ip netns del web
            """)
        #expect(outcome.text.contains("got hello\n"), "\(outcome.text)\(outcome.errors)")
        #expect(outcome.text.contains("inet 10.9.0.2/24"))
        #expect(outcome.text.contains("1 packets received"))
        #expect(outcome.text.hasSuffix("status 9\nas before\n"), "\(outcome.text)")
    }

    @Test("by hand: of twelve interfaces each is in its place, two gateways answer each by its own, one has IPv6 alone")
    func gateways() throws {
        let outcome = try Lab.run(
            """
            set -e; cd $(mktemp -d)
            ip netns add many; for n in 1 2 3 4 5; do ip netns add p$n; ip -n p$n link set lo up; done
            for n in $(seq 12); do
                p=p$((n < 5 ? n : 5))
                ip -n $p link add name side$n type veth peer name eth$((n - 1)) netns many; ip -n $p link set side$n up
                ip -n many link set eth$((n - 1)) up
            done
            # Three are the world, each seen by its own gateway.
            for n in 1 2; do
                ip -n p$n addr add 198.51.100.1/32 dev lo; ip -n p$n addr add 10.7$n.0.1/24 dev side$n
                ip -n many addr add 10.7$n.0.2/24 brd + dev eth$((n - 1))
                ip -n many route add default via 10.7$n.0.1 metric ${n}00
            done
            ip -n p3 addr add 2001:db8:f::1/128 dev lo nodad
            ip -n p3 addr add fd73::1/64 dev side3 nodad; ip -n many addr add fd73::2/64 dev eth2 nodad
            ip -n many route add default via fd73::1
            ip -n p4 addr add 10.74.0.0/31 dev side4; ip -n many addr add 10.74.0.1/31 dev eth3
            for n in $(seq 5 12); do
                ip -n p5 addr add 10.75.$n.1/24 dev side$n; ip -n many addr add 10.75.$n.2/24 brd + dev eth$((n - 1))
            done
            mkdir -p root/bin root/etc root/www; cp $(command -v busybox) root/bin/sh; echo hello >root/www/index.html
            mke2fs -q -t ext4 -d root disk.ext4 64M
            runcvm net-plan --netns /run/netns/many | runcvm tap-create | runcvm bridge-alias |
                runcvm fc-config --rootfs disk.ext4 --memory 256M -- \
                    /bin/sh -c 'ip -o addr; httpd -p 80 -h /www; echo up; read end' >vm.json
            mkfifo end; runcvm fc-boot vm.json <end >log & vm=$!
            exec 9>end
            for i in $(seq 300); do grep -qx up log && break; sleep 0.2; done
            cat log
            get() { ip netns exec $1 curl -sS -g -m 10 $3 http://$2/ | sed "s/^/$1 /"; }
            for n in 1 2; do get p$n 10.7$n.0.2; get p$n 10.7$n.0.2 "--interface 198.51.100.1"; done
            get p3 '[fd73::2]' '--interface 2001:db8:f::1'; get p4 10.74.0.1
            for n in $(seq 5 12); do get p5 10.75.$n.2; done
            jq -r '.network.nics[:4][] | .alias // .aliasOmitted' vm.json
            echo >&9; wait $vm
            runcvm bridge-restore <vm.json | runcvm tap-delete | runcvm state-delete >/dev/null
            for n in many p1 p2 p3 p4 p5; do ip netns del $n; done
            """)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let answers = "1 1 2 2 3 4 5 5 5 5 5 5 5 5".split(separator: " ").map { "p\($0) hello" }
        #expect(
            outcome.lines.suffix(18) == answers + [
                "10.71.0.254/24", "10.72.0.254/24", "the interface has no IPv4 address", "a /31 has no spare address",
            ], "\(outcome.text)\(outcome.errors)")
        let named = ["10.71.0.2/24", "10.72.0.2/24", "", "10.74.0.1/31"] + (5...12).map { "10.75.\($0).2/24" }
        for (index, address) in named.enumerated() where address != "" {
            #expect(outcome.text.contains(": eth\(index)    inet \(address) "), "\(outcome.text)")
        }
        #expect(outcome.text.contains(": eth2    inet6 fd73::2/64 "), "\(outcome.text)")
    }
}
