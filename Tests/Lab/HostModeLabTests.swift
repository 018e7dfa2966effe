import Testing

extension LabTests {
    @Suite("host mode")
    struct HostModeTests {
        private let options = "--privileged --net=host -e RUNCVM_NETWORK_MODE=host"

        /// What must be as before: the host's rules without counters, its switches, links and files. (iptables-nft makes a
        /// built-in chain with its first rule and keeps it; iptables-save lists such chains either way.)
        /// Docker's two jumps apart: dockerd moves them to the top of FORWARD whenever it starts.
        private func host() throws -> String {
            try Lab.traces()
                + Lab.sh(
                    """
                    iptables-save | grep -v -e '^#' -e '^-A FORWARD -j DOCKER-' | sed 's/\\[.*\\]//'
                    iptables-save | sed -n '/^-A FORWARD -j DOCKER-/p' | sort
                    nft list tables | sort
                    sysctl -a 2>/dev/null | grep -E '^net.ipv4.(ip_forward|conf.[^v].*(forwarding|rp_filter|route_localnet)) '
                    ls -A /run/runcvm 2>/dev/null | grep -v lock || true
                    """)
        }

        private func expectHost(_ before: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
            let now = try host()
            let changes = now.split(separator: "\n").difference(from: before.split(separator: "\n"))
            #expect(changes.isEmpty, "\(Array(changes))", sourceLocation: sourceLocation)
        }

        /// A server on the far side that tells each client its address, while `body` runs.
        private func farServer(_ body: () throws -> Void) throws {
            try Lab.sh(
                """
                ip netns exec internet socat -U TCP-LISTEN:7777,fork,reuseaddr SYSTEM:'echo $SOCAT_PEERADDR' \
                    </dev/null >/dev/null 2>&1 & echo $! >/tmp/socat.pid
                """)
            try body()
            try Lab.sh("kill $(cat /tmp/socat.pid)")
        }

        /// A VM that asks the far side once, says so, and then serves its name on port 80.
        private func serve(_ name: String, _ more: String = "") throws {
            try Lab.sh(
                """
                docker run -d --name \(name) --runtime=runcvm \(options) \(more) busybox:local sh -c \
                    'mkdir /www; echo \(name) >/www/index.html; echo "seen as $(nc -w 20 203.0.113.1 7777 </dev/null)"
                    nslookup -type=a stub.test; hostname; ip -o -4 addr show eth0; exec httpd -f -p 80 -h /www' >/dev/null
                """)
        }

        private func awaitStart(_ names: String...) throws {
            for name in names {
                try Lab.sh(
                    """
                    for i in $(seq 600); do docker logs \(name) 2>&1 | grep -q eth0 && exit; sleep 0.2; done
                    docker logs \(name); exit 1
                    """)
            }
        }

        @Test(
            """
            three VMs at once go out by the host's address and ask its loopback name server, host ports lead in by TCP and \
            UDP, past a FORWARD that rejects; everything goes with them
            """)
        func threeAtOnce() throws {
            let before = try host()
            let address = try Lab.sh("ip route get 203.0.113.1 | grep -o 'src [^ ]*' | cut -d' ' -f2")
            try Lab.sh(
                """
                cp /etc/resolv.conf /tmp/resolv.conf; echo 'nameserver 127.0.0.53' >/etc/resolv.conf
                dnsmasq --conf-file=/dev/null --no-resolv --no-hosts --user=root --pid-file=/run/stub.pid \
                    --listen-address=127.0.0.53 --bind-interfaces --local=/#/ --host-record=stub.test,192.0.2.53
                iptables -P FORWARD DROP; iptables -A FORWARD -j REJECT
                """)
            try farServer {
                try serve("one", "-e RUNCVM_HOST_PORTS=8080:80")
                try serve("two")
                try Lab.sh(
                    """
                    docker run -d --name udp --runtime=runcvm \(options) -e RUNCVM_HOST_PORTS=5353:5300/udp debian:local sh -c \
                        'ip -o -4 addr show eth0; exec python3 -c "
                    import socket
                    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((\\"0.0.0.0\\", 5300))
                    while 1: d, a = s.recvfrom(99); s.sendto(b\\"udp \\" + d, a)
                    "' >/dev/null
                    """)
                try awaitStart("one", "two", "udp")
            }
            try Lab.sh("kill $(cat /run/stub.pid); cat /tmp/resolv.conf >/etc/resolv.conf")
            for (name, guest) in [("one", "169.254.100.2/30"), ("two", "169.254.100.6/30")] {
                let log = try Lab.sh("docker logs \(name)")
                #expect(log.contains("seen as \(address)"), "\(log)")
                #expect(log.contains(guest), "\(log)")
                #expect(log.split(separator: "\n").contains { $0 == "lab" }, "\(log)")
                #expect(log.contains("Address: 192.0.2.53"), "\(log)")
            }
            #expect(try Lab.sh("curl -sS -m 20 http://127.0.0.1:8080/") == "one")
            #expect(try Lab.sh("curl -sS -m 20 http://\(address):8080/") == "one")
            #expect(try Lab.sh("ip netns exec internet curl -sS -m 20 http://\(address):8080/") == "one")
            #expect(try Lab.sh("curl -sS -m 20 http://169.254.100.6/") == "two")
            for place in ["", "ip netns exec internet "] {
                // The server is up a moment after its address: asked again until it answers.
                let answer = try Lab.sh(
                    "for i in $(seq 20); do echo hi | \(place)socat -t 2 - UDP:\(address):5353 2>/dev/null | grep . && exit; done"
                )
                #expect(answer == "udp hi")
            }
            let taken = try Lab.docker("\(options) -e RUNCVM_HOST_PORTS=8080:81 busybox:local true")
            #expect(taken.status != 0 && taken.errors.contains("8080/tcp"), "\(taken.errors)")
            // One's fc-boot is killed, then another's firecracker; the last is stopped. Each takes its own rules with it.
            let pid = "$(docker inspect -f '{{.State.Pid}}'"
            for (name, end) in [
                ("one", "kill -9 \(pid) one)"), ("udp", "kill -9 $(pgrep -P \(pid) udp))"),
                ("two", "docker stop -t 1 two >&2"),
            ] {
                let left = try Lab.run(
                    """
                    rules() { iptables-save | grep -c "runcvm:$(docker inspect -f '{{.Id}}' \(name))"; }
                    [ $(rules) != 0 ] && \(end) && docker wait \(name) >&2; rules; curl -sS -m 20 http://169.254.100.6/
                    """)
                #expect(left.lines == (name == "two" ? ["0"] : ["0", "two"]), "\(name): \(left.text)\(left.errors)")
            }
            try Lab.sh("docker rm one two udp >/dev/null; iptables -D FORWARD -j REJECT")
            try expectHost(before)
        }

        @Test("a restart of dockerd ends it, and leaves nothing")
        func restart() throws {
            let before = try host()
            try serve("gone")
            try awaitStart("gone")
            #expect(try host() != before)
            try Lab.sh(
                """
                kill $(cat /run/docker.pid); while pgrep -x dockerd >/dev/null; do sleep 0.2; done
                ls /run/runcvm; ip -o link show tap0 2>/dev/null || true
                setsid dockerd >/var/log/dockerd.log 2>&1 </dev/null &
                for i in $(seq 300); do docker ps >/dev/null 2>&1 && break; sleep 0.2; done
                docker rm -f gone >/dev/null
                """)
            try expectHost(before)
        }

        @Test(
            "on a host with nft alone a VM goes out by the host's address, past a chain that drops, and takes its rules along"
        )
        func nftAlone() throws {
            try Lab.sh(
                """
                nft 'add table inet own; add chain inet own forward { type filter hook forward priority 0; policy drop; }'
                iptables -P FORWARD DROP
                """)
            let before = try host()
            try Lab.sh("mkdir /usr/sbin/away; mv /usr/sbin/iptables* /usr/sbin/xtables* /usr/sbin/away/")
            try goesOut(firewall: "nft")
            try Lab.sh("mv /usr/sbin/away/* /usr/sbin/; rmdir /usr/sbin/away")
            try expectHost(before)
            try Lab.sh("nft delete table inet own")
        }

        @Test("on a host with iptables-legacy its rules are made there, and nowhere else")
        func legacy() throws {
            let switchTo = """
                kill $(cat /run/docker.pid); while pgrep -x dockerd >/dev/null; do sleep 0.2; done
                use() { update-alternatives --set iptables /usr/sbin/iptables-$1 >/dev/null 2>&1; }
                begin() {
                    setsid dockerd >/var/log/dockerd.log 2>&1 </dev/null &
                    for i in $(seq 300); do docker ps >/dev/null 2>&1 && break; sleep 0.2; done
                }
                """
            try Lab.sh("\(switchTo); iptables-save >/tmp/rules; nft flush ruleset; use legacy; begin")
            let before = try host()
            #expect(before.contains(":DOCKER-USER "), "\(before)")
            try goesOut(firewall: "iptables-legacy") {
                let tables = try Lab.sh("nft list tables")
                #expect(tables == "")
            }
            try expectHost(before)
            try Lab.sh(
                """
                \(switchTo); for table in filter nat mangle raw; do
                    iptables-legacy -t $table -F; iptables-legacy -t $table -X; rmmod iptable_$table 2>/dev/null
                done; iptables-legacy -P FORWARD ACCEPT; rmmod iptable_filter
                use nft; iptables-restore </tmp/rules; begin
                """)
        }

        /// A VM goes out by the host's address and is reached from it, on rules of this kind.
        private func goesOut(firewall: String, whileItRuns: () throws -> Void = {}) throws {
            let address = try Lab.sh("ip route get 203.0.113.1 | grep -o 'src [^ ]*' | cut -d' ' -f2")
            try farServer {
                try serve("alone")
                try awaitStart("alone")
            }
            let log = try Lab.sh("docker logs alone")
            #expect(log.contains("seen as \(address)"), "\(log)")
            #expect(
                try Lab.sh(
                    "jq -r .network.host.firewall /run/runcvm/*/state.json; curl -sS -m 20 http://169.254.100.2/")
                    == "\(firewall)\nalone")
            try whileItRuns()
            try Lab.sh("docker rm -f alone >/dev/null")
        }

        @Test("without the variable, --net=host, --privileged, forwarding or a firewall it is refused with the remedy")
        func refused() throws {
            let before = try host()
            func expect(_ words: [String], _ options: String, breaking: String = "true", mending: String = "true")
                throws
            {
                try Lab.sh(breaking)
                let outcome = try Lab.docker("\(options) busybox:local true")
                try Lab.sh(mending)
                #expect(outcome.status == 125 || outcome.status == 127 || outcome.status == 128, "\(outcome.status)")
                for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
                try expectHost(before)
            }
            try expect(["RUNCVM_NETWORK_MODE=host"], "--privileged --net=host")
            try expect(["--net=host"], "--privileged -e RUNCVM_NETWORK_MODE=host")
            try expect(["CAP_NET_ADMIN", "--privileged"], "--net=host -e RUNCVM_NETWORK_MODE=host")
            try expect(["RUNCVM_HOST_PORTS", "8080:x"], "\(options) -e RUNCVM_HOST_PORTS=8080:x")
            let programs = "/usr/sbin/iptables* /usr/sbin/nft /usr/sbin/xtables*"
            try expect(
                ["iptables not found", "apt-get install iptables"], options,
                breaking: "mkdir /usr/sbin/away; mv \(programs) /usr/sbin/away/",
                mending: "mv /usr/sbin/away/* /usr/sbin/; rmdir /usr/sbin/away")
        }
    }
}
