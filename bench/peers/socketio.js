// socket.io: what a publisher emits goes to everybody else. WebSockets only, no compression.
const { Server } = require("socket.io");
const server = new Server({ transports: ["websocket"], perMessageDeflate: false });
server.on("connection", (socket) => socket.on("pub", (text) => socket.broadcast.emit("message", text)));
server.listen(Number(process.argv[2]));
