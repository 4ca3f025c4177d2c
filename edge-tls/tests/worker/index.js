// 64 MiB, made as they are read.
function large() {
  let left = 1024;
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(64 << 10));
      left -= 1;
      if (left === 0) controller.close();
    },
  });
}

// A worker that shows what reaches it: the edge's own tests need no more.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const [, command, ...rest] = url.pathname.split("/");
    switch (command) {
      case "kv": {
        const value = await env.STATE.get(decodeURIComponent(rest.join("/")));
        return new Response(value ?? "absent", { status: value === null ? 404 : 200 });
      }
      case "origin": {
        const headers = new Headers(request.headers);
        headers.set("X-Lintel-Upstream", headers.get("X-Test"));
        headers.delete("X-Test");
        const answer = await env.ORIGIN.fetch(request, { headers, redirect: "manual" });
        const fault = answer.headers.get("X-Lintel-Upstream-Error");
        if (!fault) return answer;
        return new Response(null, { status: answer.status, headers: { "X-Seen-Fault": fault } });
      }
      case "control": {
        const { method } = request;
        const body = method === "GET" ? undefined : request.body;
        const headers = { "X-Lintel-Client": request.headers.get("X-Client") ?? "" };
        return env.CONTROL.fetch(`http://control/${rest.join("/")}${url.search}`, { method, headers, body });
      }
      case "access-key":
        return new Response(env.LINTEL_ACCESS_KEY);
      case "body":
        return new Response(request.body, { headers: { "X-Lintel-Secret": "1", "X-Plain": "1" } });
      case "large":
        return new Response(large());
      case "websocket": {
        const [client, server] = Object.values(new WebSocketPair());
        server.accept();
        server.addEventListener("message", (event) => server.send(`echo ${event.data}`));
        return new Response(null, { status: 101, webSocket: client });
      }
      default:
        return Response.json({
          method: request.method,
          url: request.url,
          headers: Object.fromEntries(request.headers),
          cf: request.cf ?? null,
          pop: env.LINTEL_POP,
        });
    }
  },
};
