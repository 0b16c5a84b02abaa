// What Bun's WebSocket server costs when the program does nothing at all: every frame goes back as it came.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response("", { status: 400 })),
  websocket: { message: (ws, frame) => void ws.send(frame) },
});
console.log(server.url.origin);
