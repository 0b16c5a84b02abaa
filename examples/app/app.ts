/**
 * An app on a phone: asks for the weather, and shows what is said to its user, nothing missed while it was away.
 *
 *     LTY_TOKEN=$(npx lty token create --user demo --quiet) npx bun examples/app/app.ts
 */
import { LtyClient, LtyError } from "../../clients/typescript/src/index.ts";

const client = new LtyClient({
  url: process.env.LTY_URL ?? "http://127.0.0.1:8000",
  getToken: async () => process.env.LTY_TOKEN ?? "",
  role: "app",
  clientId: "phone",
});

await client.connect();
try {
  const { data } = await client.request("weather", { city: "上海" }, { timeoutMs: 10_000 });
  console.log(`${data.city.name}: ${data.weather.now.text}, ${data.weather.now.temp}°C`);
} catch (error) {
  if (!(error instanceof LtyError)) throw error;
  console.error(`no weather: ${error.code}`);
}

for await (const { type, message } of client.messages()) console.log(`${type}: ${JSON.stringify(message)}`);
