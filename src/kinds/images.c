/*
 * images.c - what clients look up before they make a virtual machine: images, sizes, extensions
 * (control-plane-api 6). Images are names here: whoever asks for one gets a machine of that kind,
 * and brings its disk.
 */
#include "kinds/vm.h"

#include "base/text.h"

#include <stdio.h>

#define IMAGE_VERSION "1.0.0"
#define EXTENSION_BUILD EXTENSION_VERSION ".0.0"
#define READ "Microsoft.Compute/locations/publishers/read"

static const char *text_of(struct control_call *call, struct span text)
{
    return arena_printf(call->arena, "%.*s", (int)text.len, (const char *)text.data);
}

/* {"location","name","id"}: below .../locations/L/publishers */
static yyjson_mut_val *named(struct control_call *call, const char *name, const char *below)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);
    const char *location = text_of(call, call->parameters[0]);

    json_add_text(call->doc, object, "location", location);
    json_add_text(call->doc, object, "name", name);
    json_add_text(call->doc, object, "id",
                  arena_printf(call->arena,
                               "%s/providers/Microsoft.Compute/locations/%s/publishers/%s",
                               call->path.scope, location, below));
    return object;
}

static void answer_names(struct control_call *call, const char *const *names, const char *below,
                         struct control_answer *ret)
{
    yyjson_mut_val *array = yyjson_mut_arr(call->doc);

    for (size_t i = 0; names[i] != NULL; i++) {
        (void)yyjson_mut_arr_append(
            array, named(call, names[i], arena_printf(call->arena, "%s%s", below, names[i])));
    }
    control_answer_value(call, 200, array, ret);
}

/* ---- publishers ---- */

static void handle_publishers(struct control_call *call, struct control_answer *ret)
{
    static const char *const names[] = {"Canonical",       "Debian", "MicrosoftWindowsServer",
                                        "RedHat",          "SUSE",   LINUX_PUBLISHER,
                                        WINDOWS_PUBLISHER, NULL};

    answer_names(call, names, "", ret);
}

/* ---- extensions ---- */

static bool has_extension(struct control_call *call, struct control_answer *ret)
{
    struct span publisher = call->parameters[1];

    if (text_span_equal_nocase(publisher, LINUX_PUBLISHER) ||
        text_span_equal_nocase(publisher, WINDOWS_PUBLISHER)) {
        return true;
    }
    control_refuse(call, ret, 404, "ArtifactNotFound",
                   "The VM extension publisher '%s' could not be found.", text_of(call, publisher));
    return false;
}

static bool has_type(struct control_call *call, struct control_answer *ret)
{
    if (!has_extension(call, ret)) {
        return false;
    }
    if (text_span_equal_nocase(call->parameters[2], EXTENSION_TYPE)) {
        return true;
    }
    control_refuse(call, ret, 404, "ArtifactNotFound",
                   "The VM extension with publisher '%s' and type '%s' could not be found.",
                   text_of(call, call->parameters[1]), text_of(call, call->parameters[2]));
    return false;
}

static void handle_types(struct control_call *call, struct control_answer *ret)
{
    static const char *const names[] = {EXTENSION_TYPE, NULL};

    if (has_extension(call, ret)) {
        answer_names(call, names,
                     arena_printf(call->arena, "%s/artifacttypes/vmextension/types/",
                                  text_of(call, call->parameters[1])),
                     ret);
    }
}

static void handle_extension_versions(struct control_call *call, struct control_answer *ret)
{
    static const char *const names[] = {EXTENSION_BUILD, NULL};

    if (has_type(call, ret)) {
        answer_names(call, names,
                     arena_printf(call->arena, "%s/artifacttypes/vmextension/types/%s/versions/",
                                  text_of(call, call->parameters[1]), EXTENSION_TYPE),
                     ret);
    }
}

static void handle_extension_version(struct control_call *call, struct control_answer *ret)
{
    bool is_windows = text_span_equal_nocase(call->parameters[1], WINDOWS_PUBLISHER);
    const char *version = text_of(call, call->parameters[3]);
    yyjson_mut_val *object, *properties;

    if (!has_type(call, ret)) {
        return;
    }
    if (strncmp(version, EXTENSION_VERSION, strlen(EXTENSION_VERSION)) != 0) {
        control_refuse(call, ret, 404, "ArtifactNotFound",
                       "There is no version '%s' of this extension; there is %s.", version,
                       EXTENSION_BUILD);
        return;
    }
    object = named(call, version,
                   arena_printf(call->arena, "%s/artifacttypes/vmextension/types/%s/versions/%s",
                                text_of(call, call->parameters[1]), EXTENSION_TYPE, version));
    properties = json_add_object(call->doc, object, "properties");
    json_add_text(call->doc, properties, "operatingSystem", is_windows ? "Windows" : "Linux");
    json_add_text(call->doc, properties, "computeRole", "IaaS");
    json_add_text(call->doc, properties, "handlerSchema", "");
    json_add_bool(call->doc, properties, "vmScaleSetEnabled", false);
    json_add_bool(call->doc, properties, "supportsMultipleExtensions", false);
    json_add_bool(call->doc, properties, "rollbackSupported", true);
    control_answer_value(call, 200, object, ret);
}

/* ---- images ---- */

static const char *image_below(struct control_call *call)
{
    const struct span *p = call->parameters;

    return arena_printf(call->arena, "%s/artifacttypes/vmimage/offers/%s/skus/%s/versions/",
                        text_of(call, p[1]), text_of(call, p[2]), text_of(call, p[3]));
}

static void handle_image_versions(struct control_call *call, struct control_answer *ret)
{
    static const char *const names[] = {IMAGE_VERSION, NULL};

    answer_names(call, names, image_below(call), ret);
}

static bool is_windows_image(struct control_call *call)
{
    const char *publisher = resource_key(call->arena, call->parameters[1]);
    const char *offer = resource_key(call->arena, call->parameters[2]);

    return (publisher != NULL && strstr(publisher, "windows") != NULL) ||
           (offer != NULL && strstr(offer, "windows") != NULL);
}

static void add_feature(struct control_call *call, yyjson_mut_val *array, const char *name,
                        const char *value)
{
    yyjson_mut_val *object = yyjson_mut_obj(call->doc);

    json_add_text(call->doc, object, "name", name);
    json_add_text(call->doc, object, "value", value);
    (void)yyjson_mut_arr_append(array, object);
}

static void handle_image_version(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_doc *doc = call->doc;
    const char *version = text_of(call, call->parameters[4]);
    yyjson_mut_val *object =
        named(call, version, arena_printf(call->arena, "%s%s", image_below(call), version));
    yyjson_mut_val *properties = json_add_object(doc, object, "properties"), *disk, *features;
    const char *sku = resource_key(call->arena, call->parameters[3]);

    json_add_text(doc, properties, "replicaType", "Managed");
    json_add_text(doc, properties, "hyperVGeneration", "V2");
    json_add_text(doc, properties, "architecture",
                  sku != NULL && strstr(sku, "arm64") != NULL ? "Arm64" : "x64");
    features = json_add_array(doc, properties, "features");
    add_feature(call, features, "SecurityType", "TrustedLaunchSupported");
    disk = json_add_object(doc, properties, "osDiskImage");
    json_add_text(doc, disk, "operatingSystem", is_windows_image(call) ? "Windows" : "Linux");
    json_add_uint(doc, disk, "sizeInGb", 30);
    json_add_uint(doc, disk, "sizeInBytes", 30ULL << 30);
    json_add_array(doc, properties, "dataDiskImages");
    json_add_text(doc, json_add_object(doc, properties, "imageDeprecationStatus"), "imageState",
                  "Active");
    json_add_bool(doc, json_add_object(doc, properties, "automaticOSUpgradeProperties"),
                  "automaticOSUpgradeSupported", true);
    json_add_text(doc, json_add_object(doc, properties, "disallowed"), "vmDiskType", "Unmanaged");
    control_answer_value(call, 200, object, ret);
}

/* ---- sizes ---- */

static const struct {
    const char *name, *size, *family;
    unsigned cores;
    unsigned memory_gb;
} sizes[] = {
    {"Standard_B1s", "B1s", "standardBSFamily", 1, 1},
    {"Standard_B2s", "B2s", "standardBSFamily", 2, 4},
    {"Standard_DS1_v2", "DS1_v2", "standardDSv2Family", 1, 4},
    {"Standard_D2s_v3", "D2s_v3", "standardDSv3Family", 2, 8},
    {"Standard_D4s_v3", "D4s_v3", "standardDSv3Family", 4, 16},
    {"Standard_D2s_v5", "D2s_v5", "standardDSv5Family", 2, 8},
    {"Standard_D4s_v5", "D4s_v5", "standardDSv5Family", 4, 16},
};

/* Which machines there are, and how large, is the owner's business: these stand for "any". */
static void handle_skus(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *array = yyjson_mut_arr(doc);
    const char *location = "westus";

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        yyjson_mut_val *object = yyjson_mut_obj(doc), *list, *info;

        json_add_text(doc, object, "resourceType", "virtualMachines");
        json_add_text(doc, object, "name", sizes[i].name);
        json_add_text(doc, object, "tier", "Standard");
        json_add_text(doc, object, "size", sizes[i].size);
        json_add_text(doc, object, "family", sizes[i].family);
        list = json_add_array(doc, object, "locations");
        (void)yyjson_mut_arr_append(list, yyjson_mut_str(doc, location));
        list = json_add_array(doc, object, "locationInfo");
        info = yyjson_mut_obj(doc);
        json_add_text(doc, info, "location", location);
        (void)yyjson_mut_arr_append(json_add_array(doc, info, "zones"), yyjson_mut_str(doc, "1"));
        json_add_array(doc, info, "zoneDetails");
        (void)yyjson_mut_arr_append(list, info);
        list = json_add_array(doc, object, "capabilities");
        add_feature(call, list, "vCPUs", arena_printf(call->arena, "%u", sizes[i].cores));
        add_feature(call, list, "MemoryGB", arena_printf(call->arena, "%u", sizes[i].memory_gb));
        add_feature(call, list, "HyperVGenerations", "V1,V2");
        json_add_array(doc, object, "restrictions");
        (void)yyjson_mut_arr_append(array, object);
    }
    control_answer_list(call, array, NULL, ret);
}

static void handle_sizes(struct control_call *call, struct control_answer *ret)
{
    yyjson_mut_doc *doc = call->doc;
    yyjson_mut_val *array = yyjson_mut_arr(doc);

    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        yyjson_mut_val *object = yyjson_mut_obj(doc);

        json_add_text(doc, object, "name", sizes[i].name);
        json_add_uint(doc, object, "numberOfCores", sizes[i].cores);
        json_add_uint(doc, object, "memoryInMB", (uint64_t)sizes[i].memory_gb * 1024);
        json_add_uint(doc, object, "osDiskSizeInMB", 1047552);
        json_add_uint(doc, object, "resourceDiskSizeInMB", 0);
        json_add_uint(doc, object, "maxDataDiskCount", 8);
        (void)yyjson_mut_arr_append(array, object);
    }
    control_answer_list(call, array, NULL, ret);
}

#define COMPUTE "providers/Microsoft.Compute/"
#define PUBLISHERS COMPUTE "locations/{}/publishers"
#define EXTENSIONS PUBLISHERS "/{}/artifacttypes/vmextension/types"
#define IMAGES PUBLISHERS "/{}/artifacttypes/vmimage/offers/{}/skus/{}/versions"

/* clang-format off */
const struct control_row image_rows[] = {
    {HTTP_GET, CONTROL_SUBSCRIPTION, PUBLISHERS, READ, handle_publishers, ROW_ANY_ROLE, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, EXTENSIONS, READ, handle_types, ROW_ANY_ROLE, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, EXTENSIONS "/{}/versions", READ, handle_extension_versions, ROW_ANY_ROLE, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, EXTENSIONS "/{}/versions/{}", READ, handle_extension_version, ROW_ANY_ROLE, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, IMAGES, READ, handle_image_versions, ROW_ANY_ROLE, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, IMAGES "/{}", READ, handle_image_version, ROW_ANY_ROLE, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, COMPUTE "skus", "Microsoft.Compute/skus/read", handle_skus, ROW_ANY_ROLE, NULL},
    {HTTP_GET, CONTROL_SUBSCRIPTION, COMPUTE "locations/{}/vmSizes", "Microsoft.Compute/locations/vmSizes/read", handle_sizes, ROW_ANY_ROLE, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
/* clang-format on */
