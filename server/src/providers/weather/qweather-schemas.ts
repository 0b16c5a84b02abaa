import { z } from "zod";
import { Celsius, Latitude, Longitude, MINUTE, NumberText, Words } from "./fields.ts";

/** QWeather's answers, each reduced to what is used of it. */

/** Every answer may also be HTTP 200 with the status in the body, as text. */
export const Refusal = z
  .object({ code: z.string().regex(/^(?!200)\d{3}$/) })
  .transform(({ code }) => ({ refusedWith: Number(code) }));

/** An icon code as the services number them; whatever else is 999, unknown. */
const Icon = z.string().transform((icon) => (/^\d{3,4}$/.test(icon) ? icon : "999"));

const Place = z.object({
  id: z.string().regex(/^\w{1,20}$/),
  name: Words,
  lat: NumberText.pipe(Latitude),
  lon: NumberText.pipe(Longitude),
});
export type Place = z.output<typeof Place>;

/** `{"error":{"type":"https://…/error-code/#no-such-location","title":"No Such Location",…}}`; older answers say NOT FOUND. */
const NoSuchLocation = z
  .object({ type: z.string().default(""), title: z.string().default("") })
  .refine(({ type, title }) => {
    return /no[ -]such[ -]location|not[ -]found/i.test(`${type} ${title}`);
  });

/** `/geo/v2/city/lookup`. No match comes in three dresses: an empty list, a code, and a problem under HTTP 400. */
export const Places = z.union([
  z.object({ code: z.literal("200"), location: z.array(Place) }).transform(({ location }) => location),
  z.object({ code: z.literal(["204", "404"]) }).transform((): Place[] => []),
  z.object({ error: NoSuchLocation }).transform((): Place[] => []),
]);

/** `/weather/v1/current/{latitude}/{longitude}`: neither a code nor a time of its own. */
export const CurrentV1 = z
  .object({
    code: z.literal("200").optional(),
    condition: z.object({ text: Words, code: Icon }),
    temperature: z.object({ value: Celsius, unit: z.literal("°C").optional() }),
  })
  .transform(({ condition, temperature }) => ({ temp: temperature.value, text: condition.text, icon: condition.code }));

/** `/weather/now` of v7: numbers as texts, times without seconds. */
export const NowV7 = z
  .object({
    code: z.literal("200"),
    updateTime: z.string().regex(new RegExp(`^${MINUTE}(:\\d{2})?(Z|[+-]\\d{2}:\\d{2})$`)),
    now: z.object({ temp: NumberText.pipe(Celsius), text: Words, icon: Icon }),
  })
  .transform(({ now, updateTime }) => ({ ...now, updateTime: withSeconds(updateTime) }));

/** Not every ISO 8601 parser takes a time without seconds, and clients of the other providers never met one. */
function withSeconds(time: string): string {
  return time.replace(/(T\d{2}:\d{2})(?!:)/, "$1:00");
}
