import Foundation
import Testing

extension LabTests {
    @Test("by hand, without Docker: every block of README's cookbook runs, and the undo leaves the namespace as it was")
    func byHand() throws {
        var blocks = try Self.blocks(of: "By hand, without Docker")
        try #require(blocks.count == 7)
        // The undo may run twice.
        blocks.insert(blocks[5], at: 6)
        let steps = blocks.enumerated().map { number, block in
            """
            \(block)
            echo "block \(number): $?"
            \(number == 0 ? "facts >before" : number == 6 ? "facts | diff before - && echo as before" : "")
            """
        }
        let outcome = try Lab.run(
            """
            set -euo pipefail; cd $(mktemp -d)
            trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT
            facts() { ip -n web -o addr; ip -n web -o link; ip -n web route; }
            \(steps.joined(separator: "\n"))
            ls /run/runcvm
            """)
        #expect(outcome.status == 0, "\(outcome.text)\(outcome.errors)")
        let marks = outcome.lines.filter { $0.hasPrefix("block ") }
        #expect(marks == blocks.indices.map { "block \($0): 0" }, "\(outcome.text)\(outcome.errors)")
        #expect(outcome.text.components(separatedBy: " 0% packet loss").count == 4, "\(outcome.text)")
        #expect(outcome.text.contains("inet 10.9.0.2/24 brd 10.9.0.255 scope global eth0"), "\(outcome.text)")
        #expect(outcome.text.contains("web\nstatus 9\nblock 4: 0\n"), "\(outcome.text)")
        #expect(outcome.text.hasSuffix("block 6: 0\nas before\nblock 7: 0\n"), "\(outcome.text)")
    }

    /// The command blocks under a heading of README, in order: what is set in by four.
    private static func blocks(of heading: String) throws -> [String] {
        let readme = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../README.md")
        let text = try String(contentsOf: readme, encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n## ").first { $0.hasPrefix("\(heading)\n") })
        return section.components(separatedBy: "\n\n").filter { $0.hasPrefix("    ") }
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
