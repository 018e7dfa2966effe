import Testing

extension LabTests {
    @Suite("the VM's network")
    struct NetworkTests {
        /// A container that says what network it has, which of `reaching` it reaches, and then serves its name on port 80.
        /// `options` come before the image.
        private func serve(
            _ name: String, _ options: String = "", reaching: [String] = [], runtime: String = "runcvm",
            waiting: Bool = true
        ) throws {
            try Lab.sh(
                """
                docker run -d --name \(name) --runtime=\(runtime) \(options) busybox:local sh -c \
                    'mkdir /www; echo \(name) >/www/index.html; ip -o link; ip -o addr; ip route; ip -6 route
                    cat /etc/resolv.conf
                    for a in \(reaching.joined(separator: " ")); do ping -c 1 -W 10 $a >/dev/null && echo pong $a; done
                    echo up; exec httpd -f -p 80 -h /www' >/dev/null
                """)
            if waiting { try awaitUp([name]) }
        }

        private func awaitUp(_ names: [String]) throws {
            try Lab.sh(
                """
                for n in \(names.joined(separator: " ")); do
                    for i in $(seq 400); do docker logs $n 2>&1 | grep -qx up && continue 2; sleep 0.2; done
                    docker logs $n; exit 1
                done
                """)
        }

        private func inspect(_ name: String, _ field: String, on network: String = "bridge") throws -> String {
            try Lab.sh("docker inspect -f '{{(index .NetworkSettings.Networks \"\(network)\").\(field)}}' \(name)")
        }

        private func enter(_ name: String) -> String {
            "nsenter -n -t $(docker inspect -f '{{.State.Pid}}' \(name))"
        }

        private func remove(_ names: String...) throws {
            try Lab.sh("docker rm -f \(names.joined(separator: " ")) >/dev/null")
        }

        private func expect(
            _ text: String, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
        ) {
            for word in words {
                #expect(text.contains(word), "\(word) is not in \(text)", sourceLocation: sourceLocation)
            }
        }

        @Test(
            "on the default bridge it has what Docker gave, reaches the world, and everyone reaches it; a container joins it"
        )
        func defaultBridge() throws {
            try serve("peer", runtime: "runc")
            let (peer, gateway) = (try inspect("peer", "IPAddress"), try inspect("peer", "Gateway"))
            let reached = [gateway, peer, "203.0.113.1"]
            try serve("web", "-p 8080:80", reaching: reached)
            let (address, mac) = (try inspect("web", "IPAddress"), try inspect("web", "MacAddress"))
            expect(
                try Lab.sh("docker logs web"),
                [
                    "inet \(address)/16", "link/ether \(mac) ", "default via \(gateway) dev eth0",
                    try Lab.sh("grep -m1 ^nameserver $(docker inspect -f '{{.ResolvConfPath}}' web)"),
                ] + reached.map { "pong \($0)\n" })
            // From the host, by a published port, from another container, from the container's own namespace, and from a
            // container that joined that, which leaves the VM alone.
            let get = "-T 20 -O- http://\(address)/"
            let seen = try Lab.run(
                """
                curl -sS -m 20 http://\(address)/; curl -sS -m 20 http://127.0.0.1:8080/; docker exec peer wget -q \(get)
                \(enter("web")) curl -sS -m 20 http://\(address)/
                docker run --rm --net container:web busybox:local wget -q \(get); curl -sS -m 20 http://\(address)/
                """)
            #expect(seen.lines == Array(repeating: "web", count: 6), "\(seen.text)\(seen.errors)")
            let refused = try Lab.docker("--net container:web busybox:local true")
            #expect(
                refused.status != 0 && refused.errors.contains("another VM already (its tap is tap-eth0)"),
                "\(refused.errors)")
            #expect(try Lab.sh("curl -sS -m 20 http://\(address)/") == "web")
            // What the neighbours see is Docker's MAC.
            #expect(try Lab.sh("ip neigh show \(address) dev docker0").contains(mac))
            try remove("web", "peer")
        }

        @Test(
            "on several networks of odd sizes and MTUs each interface has its address, MAC, MTU and alias, and is reached"
        )
        func severalNetworks() throws {
            // How each network is made and joined; the address, MTU and alias that its interface then has.
            let networks: [(make: String, join: String, address: String, mtu: Int, alias: String?)] = [
                // Docker names the interfaces of dual-stack networks first, of internal ones last.
                (
                    "--subnet 10.81.4.0/22 --ipv6 --subnet fd81::/64 --gateway fd81::1", ",ip6=fd81::99",
                    "10.81.4.2/22",
                    1500, "10.81.7.254/22"
                ),
                (
                    "--subnet 11.0.0.0/8 -o com.docker.network.driver.mtu=1400", ",ip=11.22.33.44", "11.22.33.44/8",
                    1400,
                    "11.255.255.254/8"
                ),
                ("--subnet 10.81.1.0/30", "", "10.81.1.2/30", 1500, nil),
                ("--subnet 10.81.2.0/31", "", "10.81.2.1/31", 1500, nil),
                (
                    "--subnet 10.81.3.0/24 --gateway 10.81.3.254 -o com.docker.network.driver.mtu=9000",
                    ",mac-address=02:42:ac:99:00:09", "10.81.3.1/24", 9000, "10.81.3.253/24"
                ),
                ("--subnet 10.81.8.0/29 --internal", "", "10.81.8.2/29", 1500, "10.81.8.6/29"),
            ]
            let joins = networks.indices.map { "--network name=net\($0)\(networks[$0].join)" }.joined(separator: " ")
            try Lab.sh(
                networks.enumerated().map { "docker network create \($1.make) net\($0) >/dev/null" }
                    .joined(separator: "\n"))
            try serve("many", joins, reaching: ["11.0.0.1", "10.81.1.1", "10.81.2.0", "10.81.3.254", "fd81::1"])
            let log = try Lab.sh("docker logs many")
            let namespace = try Lab.sh("\(enter("many")) ip -o link; \(enter("many")) ip -o -4 addr")
            for (index, network) in networks.enumerated() {
                expect(log, ["eth\(index)    inet \(network.address) "])
                let lines = (log + namespace).split(separator: "\n")
                for link in [": eth\(index): ", ": tap-eth\(index): "] {
                    let line = lines.first { $0.contains(link) } ?? ""
                    #expect(line.contains(" mtu \(network.mtu) "), "\(line)")
                }
                let alias = lines.first { $0.contains(": br-eth\(index)    inet ") }
                #expect(alias?.split(separator: " ")[3].description == network.alias, "\(namespace)")
            }
            expect(
                log,
                ["02:42:ac:99:00:09", "inet6 fd81::99/64", "default via fd81::1 dev eth0"]
                    + ["11.0.0.1", "10.81.1.1", "10.81.2.0", "10.81.3.254", "fd81::1"].map { "pong \($0)\n" })
            #expect(log.split(separator: "\n").filter { $0.hasPrefix("default ") }.count == 2, "\(log)")
            // From the host by each, from the namespace by each that has an alias, and in frames as large as they may be.
            let addresses = networks.map { $0.address.prefix { $0 != "/" } }
            let aliased = networks.indices.filter { networks[$0].alias != nil }.map { addresses[$0] }
            let seen = try Lab.run(
                """
                for a in \(addresses.joined(separator: " ")) '[fd81::99]'; do curl -sS -g -m 20 http://$a/; done
                for a in \(aliased.joined(separator: " ")); do \(enter("many")) curl -sS -m 20 http://$a/; done
                ping -q -c 1 -W 10 -M do -s 8972 10.81.3.1 >&2 && echo large
                """)
            let wanted = Array(repeating: "many", count: addresses.count + 1 + aliased.count) + ["large"]
            #expect(seen.lines == wanted, "\(seen.text)\(seen.errors)")
            try remove("many")
            try Lab.sh("docker network rm \(networks.indices.map { "net\($0)" }.joined(separator: " ")) >/dev/null")
        }

        @Test(
            "three VMs on one network have the same alias: each namespace reaches its own alone, the wire never hears of it"
        )
        func sameAlias() throws {
            let names = ["one", "two", "three"]
            try Lab.sh("docker network create --ipv6 --subnet fd82::/64 shared >/dev/null")
            for name in names { try serve(name, "--net shared", waiting: false) }
            try awaitUp(names)
            let addresses = try names.map { try inspect($0, "IPAddress", on: "shared") }
            let ipv6 = try names.map { "[\(try inspect($0, "GlobalIPv6Address", on: "shared"))]" }
            let aliases = try names.map { try Lab.sh("\(enter($0)) ip -o -4 addr show br-eth0 | awk '{print $4}'") }
            #expect(Set(aliases).count == 1)
            let alias = aliases[0].prefix { $0 != "/" }
            try Lab.sh(
                """
                b=br-$(docker network inspect -f '{{slice .Id 0 12}}' shared)
                nohup tcpdump -i $b -n -U -w /tmp/alias.pcap arp or icmp6 >/dev/null 2>/tmp/tcpdump & echo $! >/tmp/tcpdump.pid
                for i in $(seq 100); do grep -q listening /tmp/tcpdump && exit; sleep 0.1; done; exit 1
                """)
            let all = addresses.joined(separator: " ")
            for (name, own) in zip(names, addresses) {
                let seen = try Lab.run(
                    "for a in \(all); do \(enter(name)) curl -sS -m $([ $a = \(own) ] && echo 20 || echo 2) http://$a/ & done; wait"
                )
                #expect(seen.lines == [name], "\(seen.text)\(seen.errors)")
            }
            // The host and another VM reach all of them, and that has its names, also where the host's filters are strict
            // and see nothing of a bridge.
            let seen = try Lab.run("for a in \(all); do curl -sS -m 20 http://$a/; done")
            #expect(seen.lines == names, "\(seen.errors)")
            let crossed = try Lab.run(
                """
                sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.ipv4.conf.all.rp_filter=1
                docker run --rm --runtime=runcvm --net shared busybox:local sh -c \
                    'for a in \(all) \(ipv6.joined(separator: " ")); do wget -q -T 20 -O- http://$a/; done
                    nslookup one; nslookup outside.test'
                sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.ipv4.conf.all.rp_filter=0
                """)
            #expect(crossed.lines.prefix(6) == (names + names)[...], "\(crossed.text)\(crossed.errors)")
            expect(crossed.text, ["Address: \(addresses[0])\n", "Address: 203.0.113.1\n"])
            let heard = try Lab.sh(
                """
                kill $(cat /tmp/tcpdump.pid); while [ -d /proc/$(cat /tmp/tcpdump.pid) ]; do sleep 0.1; done
                tcpdump -n -r /tmp/alias.pcap 2>/dev/null >/tmp/heard; grep -c ' who-has ' /tmp/heard; grep -cw \(alias) /tmp/heard || true
                """)
            #expect(!heard.hasPrefix("0\n") && heard.hasSuffix("\n0"), "\(heard)")
            try remove("one", "two", "three")
            try Lab.sh("docker network rm shared >/dev/null")
        }

        @Test("what docker network connect adds is there at the next start, with hosts and resolv.conf of that start")
        func connected() throws {
            try Lab.sh(
                """
                docker network create late >/dev/null; docker network create later >/dev/null
                docker create --name early --runtime=runcvm busybox:local sh -c \
                    'ip -o -4 addr; cat /etc/hosts /etc/resolv.conf' >/dev/null
                """)
            /// What the guest said; it must have its own addresses in hosts, and resolv.conf as the engine has it.
            func start(_ change: String) throws -> String {
                let said = try Lab.sh("\(change); docker start -a early")
                let resolvConf = try Lab.sh("cat $(docker inspect -f '{{.ResolvConfPath}}' early)")
                #expect(said.hasSuffix(resolvConf) && said.contains("nameserver 127.0.0.11"), "\(said)")
                for line in said.split(separator: "\n") where line.contains(": eth") {
                    let address = line.split(separator: " ")[3].prefix { $0 != "/" }
                    #expect(said.contains("\n\(address)\t"), "\(said)")
                }
                return said
            }
            let first = try start("docker network connect late early")
            #expect(first.contains("\n2: eth0 ") && first.contains("\n3: eth1 "), "\(first)")
            let second = try start("docker network disconnect bridge early; docker network connect later early")
            #expect(second.contains("\n2: eth0 ") && second.contains("\n3: eth1 "), "\(second)")
            #expect(second != first)
            try Lab.sh("docker rm early >/dev/null; docker network rm late later >/dev/null")
        }

        @Test("without a network it runs, with its output and status")
        func none() throws {
            let outcome = try Lab.docker("--net none busybox:local sh -c 'ip -o link; exit 3'")
            #expect(outcome.status == 3)
            #expect(outcome.lines.count == 1 && outcome.text.contains("lo:"), "\(outcome.text)")
        }
    }
}
