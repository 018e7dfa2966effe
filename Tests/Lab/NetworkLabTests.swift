import Testing

extension LabTests {
    @Suite("the VM's network")
    struct NetworkTests {
        /// A VM that serves its name on port 80 over HTTP, and is up. `options` come before the image.
        private func serve(_ name: String, _ options: String = "", runtime: String = "runcvm") throws {
            try Lab.sh(
                """
                docker run -d --name \(name) --runtime=\(runtime) \(options) busybox:local sh -c \
                    'mkdir /www; echo \(name) >/www/index.html; ip -o addr; ip route; cat /etc/resolv.conf; echo up
                    exec httpd -f -p 80 -h /www' >/dev/null
                for i in $(seq 400); do docker logs \(name) 2>&1 | grep -qx up && exit; sleep 0.2; done
                docker logs \(name); exit 1
                """)
        }

        private func inspect(_ name: String, _ field: String, on network: String = "bridge") throws -> String {
            try Lab.sh("docker inspect -f '{{(index .NetworkSettings.Networks \"\(network)\").\(field)}}' \(name)")
        }

        private func remove(_ names: String...) throws {
            try Lab.sh("docker rm -f \(names.joined(separator: " ")) >/dev/null")
        }

        @Test(
            "on the default bridge it has the address, MAC, MTU, gateway and DNS that Docker gave, and everyone reaches it"
        )
        func defaultBridge() throws {
            try serve("web", "-p 8080:80")
            try serve("peer", runtime: "runc")
            let (address, mac) = (try inspect("web", "IPAddress"), try inspect("web", "MacAddress"))
            let gateway = try inspect("web", "Gateway")
            let log = try Lab.sh("docker logs web")
            #expect(log.contains("inet \(address)/16"))
            #expect(log.contains("default via \(gateway) dev eth0"))
            #expect(log.contains(try Lab.sh("grep -m1 ^nameserver $(docker inspect -f '{{.ResolvConfPath}}' web)")))
            // From the host, by a published port, from another container, and from the container's own namespace.
            #expect(try Lab.sh("curl -sS -m 20 http://\(address)/") == "web")
            #expect(try Lab.sh("curl -sS -m 20 http://127.0.0.1:8080/") == "web")
            #expect(try Lab.sh("docker exec peer wget -q -T 20 -O- http://\(address)/") == "web")
            #expect(
                try Lab.sh(
                    "nsenter -n -t $(docker inspect -f '{{.State.Pid}}' web) curl -sS -m 20 http://\(address)/")
                    == "web")
            // What the neighbours see is Docker's MAC.
            #expect(try Lab.sh("ip neigh show \(address) dev docker0").contains(mac))
            try remove("web", "peer")
        }

        @Test("the VM reaches the gateway, another container and the far side of the uplink")
        func outbound() throws {
            try serve("peer", runtime: "runc")
            let outcome = try Lab.docker(
                """
                busybox:local sh -c 'for a in \(inspect("peer", "Gateway")) \(inspect("peer", "IPAddress")) 203.0.113.1; do
                    ping -c 1 -W 10 $a >/dev/null && echo $a; done; wget -q -T 20 -O- http://\(inspect("peer", "IPAddress"))/'
                """)
            #expect(
                outcome.lines
                    == [try inspect("peer", "Gateway"), try inspect("peer", "IPAddress"), "203.0.113.1", "peer"],
                "\(outcome.text)\(outcome.errors)")
            try remove("peer")
        }

        @Test("on two networks it has eth0 and eth1 as the container would, with MAC, MTU and address of each")
        func twoNetworks() throws {
            try Lab.sh(
                """
                docker network create -o com.docker.network.driver.mtu=1400 m1 >/dev/null
                docker network create --subnet 10.77.0.0/24 --gateway 10.77.0.254 m2 >/dev/null
                """)
            try serve("two", "--net m1 --net m2")
            let inside = try Lab.sh("docker logs two")
            let pid = try Lab.sh("docker inspect -f '{{.State.Pid}}' two")
            for (name, network, mtu) in [("eth0", "m1", 1400), ("eth1", "m2", 1500)] {
                let address = try inspect("two", "IPAddress", on: network)
                #expect(inside.contains("\(name)    inet \(address)/"), "\(inside)")
                #expect(try Lab.sh("curl -sS -m 20 http://\(address)/") == "two")
                #expect(try Lab.sh("nsenter -n -t \(pid) curl -sS -m 20 http://\(address)/") == "two")
                #expect(try Lab.sh("nsenter -n -t \(pid) ip -o link show tap-\(name)").contains("mtu \(mtu) "))
            }
            // m2's gateway sits on the last address: the alias stepped down.
            #expect(try Lab.sh("nsenter -n -t \(pid) ip -o addr show br-eth1").contains("10.77.0.253/24"))
            try remove("two")
            let links = try Lab.docker("--net m1 --net m2 --mac-address 02:42:ac:99:00:07 busybox:local ip -o link")
            #expect(links.text.contains("02:42:ac:99:00:07") && links.text.contains("mtu 1400"), "\(links.text)")
            try Lab.sh("docker network rm m1 m2 >/dev/null")
        }

        @Test(
            "two VMs on one network have the same alias: each namespace reaches its own VM, and the wire never hears of it"
        )
        func sameAlias() throws {
            try Lab.sh("docker network create shared >/dev/null")
            try serve("one", "--net shared")
            try serve("other", "--net shared")
            let addresses = try ["one", "other"].map { try inspect($0, "IPAddress", on: "shared") }
            let bridge = try Lab.sh("echo br-$(docker network inspect -f '{{slice .Id 0 12}}' shared)")
            let alias = try Lab.sh(
                "nsenter -n -t $(docker inspect -f '{{.State.Pid}}' one) ip -o -4 addr show br-eth0 | awk '{print $4}'")
            try Lab.sh(
                "nohup tcpdump -i \(bridge) -n -w /tmp/alias.pcap arp or icmp6 >/dev/null 2>&1 & echo $! >/tmp/tcpdump.pid"
            )
            for (name, own, other) in [("one", addresses[0], addresses[1]), ("other", addresses[1], addresses[0])] {
                let enter = "nsenter -n -t $(docker inspect -f '{{.State.Pid}}' \(name))"
                #expect(try Lab.sh("\(enter) curl -sS -m 20 http://\(own)/") == name)
                #expect(try Lab.run("\(enter) curl -sS -m 3 http://\(other)/").status != 0)
            }
            // The VMs, the host and other containers reach both.
            for address in addresses { try Lab.sh("curl -sS -m 20 http://\(address)/") }
            let crossed = try Lab.docker(
                "--net shared busybox:local sh -c 'for a in \(addresses.joined(separator: " ")); do wget -q -T 20 -O- http://$a/; done'"
            )
            #expect(crossed.lines == ["one", "other"], "\(crossed.status) \(crossed.errors)")
            let heard = try Lab.sh(
                "kill $(cat /tmp/tcpdump.pid); sleep 1; tcpdump -n -r /tmp/alias.pcap 2>/dev/null | grep -c '\(alias.split(separator: "/")[0])' || true"
            )
            #expect(heard == "0")
            try remove("one", "other")
            try Lab.sh("docker network rm shared >/dev/null")
        }

        @Test("on a network of both families it has both addresses and both default routes, and is reached by both")
        func dualStack() throws {
            try Lab.sh("docker network create --ipv6 --subnet 2001:db8:77::/64 both >/dev/null")
            try serve("peer", "--net both", runtime: "runc")
            try serve("six", "--net both")
            let (v4, v6) = (
                try inspect("six", "IPAddress", on: "both"), try inspect("six", "GlobalIPv6Address", on: "both")
            )
            let gateway = try inspect("six", "IPv6Gateway", on: "both")
            let inside = try Lab.sh("docker logs six")
            #expect(inside.contains("inet6 \(v6)/64") && inside.contains("inet \(v4)/16"), "\(inside)")
            for address in [v4, "[\(v6)]"] {
                #expect(try Lab.sh("curl -sS -g -m 20 http://\(address)/") == "six")
                #expect(try Lab.sh("docker exec peer wget -q -T 20 -O- http://\(address)/") == "six")
            }
            let outcome = try Lab.docker(
                "--net both busybox:local sh -c 'ip -6 route; ping -6 -c 1 -W 10 \(gateway) >/dev/null && echo pong; "
                    + "wget -q -T 20 -O- http://[\(v6)]/'")
            #expect(outcome.text.contains("default via \(gateway) dev eth0"), "\(outcome.text)\(outcome.errors)")
            #expect(outcome.lines.suffix(2) == ["pong", "six"], "\(outcome.text)\(outcome.errors)")
            try remove("six", "peer")
            try Lab.sh("docker network rm both >/dev/null")
        }

        @Test("connected before start: the network that docker network connect added is there too")
        func connected() throws {
            try Lab.sh(
                """
                docker network create late >/dev/null
                docker create --name early --runtime=runcvm busybox:local ip -o -4 addr >/dev/null
                docker network connect late early
                docker start -a early >/tmp/early
                """)
            let text = try Lab.sh("cat /tmp/early; docker rm early >/dev/null; docker network rm late >/dev/null")
            #expect(text.contains("eth0") && text.contains("eth1"), "\(text)")
        }

        @Test("without a network it runs, with its output and status")
        func none() throws {
            let outcome = try Lab.docker("--net none busybox:local sh -c 'ip -o link; exit 3'")
            #expect(outcome.status == 3)
            #expect(outcome.lines.count == 1 && outcome.text.contains("lo:"), "\(outcome.text)")
        }
    }
}
