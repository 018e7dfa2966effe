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
}
